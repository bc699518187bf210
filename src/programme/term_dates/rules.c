/* Terms lie in their academic year, one after the other. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"

#include <stdio.h>
#include <string.h>

static const char *const terms[] = {"autumn", "spring", "summer"};

static int at(struct iqm_rules *rules, const char *term, const char *member, const char *sentence)
{
    char pointer[40];

    snprintf(pointer, sizeof pointer, "/%s/%s", term, member);
    return iqm_problem_at(rules->problem, pointer, "%s", sentence);
}

static int check_day(
    struct iqm_rules *rules, const char *term, const char *member, const char *academic_year)
{
    const json_t *span = json_object_get(rules->document, term);
    char year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(iqm_rules_text(span, member), year);
    return strcmp(year, academic_year) == 0 ? 0
                                            : at(rules, term, member, "is not in academic_year");
}

static int check_term(struct iqm_rules *rules, size_t index, const char *academic_year)
{
    const json_t *span = json_object_get(rules->document, terms[index]);
    int error = check_day(rules, terms[index], "starts_on", academic_year);

    if (check_day(rules, terms[index], "ends_on", academic_year) != 0)
        error = IQM_EPROBLEM;
    if (strcmp(iqm_rules_text(span, "ends_on"), iqm_rules_text(span, "starts_on")) < 0)
        error = at(rules, terms[index], "ends_on", "is before the term starts");
    if (index == 0)
        return error;
    const json_t *earlier = json_object_get(rules->document, terms[index - 1]);
    if (strcmp(iqm_rules_text(span, "starts_on"), iqm_rules_text(earlier, "ends_on")) <= 0)
        error = at(rules, terms[index], "starts_on", "is not after the end of the term before");
    return error;
}

int iqm_rules_term_dates(struct iqm_rules *rules)
{
    const char *academic_year = iqm_rules_text(rules->document, "academic_year");
    int error = 0;

    if (!iqm_calendar_is_academic_year(academic_year))
        return iqm_problem_at(
            rules->problem, "/academic_year", "is not one year and the next, like 2026/27");
    for (size_t i = 0; i < IQM_LENGTH(terms); i++) {
        if (check_term(rules, i, academic_year) != 0)
            error = IQM_EPROBLEM;
    }
    return error;
}
