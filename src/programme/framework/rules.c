/* What an award is judged by: each criterion stands once, and a rule has what it needs to be
 * judged. What stays once a framework is in use, the table says. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <stdio.h>
#include <string.h>

static int at(struct iqm_rules *rules, size_t index, const char *member, const char *sentence)
{
    char pointer[40];

    snprintf(pointer, sizeof pointer, "/criteria/%zu/%s", index, member);
    return iqm_problem_at(rules->problem, pointer, "%s", sentence);
}

static bool stands_before(const json_t *criteria, size_t index, const char *code)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(iqm_rules_text(json_array_get(criteria, i), "code"), code) == 0)
            return true;
    }
    return false;
}

static int check_minimum(struct iqm_rules *rules, size_t index, const json_t *criterion)
{
    const char *rule = iqm_rules_text(criterion, "rule");
    bool counts = rule != NULL && strcmp(rule, "attends_meetings") == 0;
    bool given = json_is_integer(json_object_get(criterion, "minimum"));

    if (counts && !given)
        return at(rules, index, "minimum", "is needed with the rule attends_meetings");
    if (!counts && given)
        return at(rules, index, "minimum", "belongs to the rule attends_meetings only");
    return 0;
}

static int check_criteria(struct iqm_rules *rules)
{
    const json_t *criteria = json_object_get(rules->document, "criteria");
    size_t i;
    const json_t *criterion;
    int error = 0;

    json_array_foreach(criteria, i, criterion)
    {
        if (stands_before(criteria, i, iqm_rules_text(criterion, "code")))
            error = at(rules, i, "code", "is the code of a criterion before it, too");
        if (check_minimum(rules, i, criterion) != 0)
            error = IQM_EPROBLEM;
    }
    return error;
}

int iqm_rules_framework(struct iqm_rules *rules)
{
    const char *starts = iqm_rules_text(rules->document, "starts_on");
    const char *ends = iqm_rules_text(rules->document, "ends_on");
    int error = check_criteria(rules);

    if (ends != NULL && strcmp(ends, starts) < 0)
        error = iqm_problem_at(rules->problem, "/ends_on", "is before starts_on");
    return error;
}
