/* A contribution belongs to an academic year; a school is no partner of itself. Which rows hold,
 * the table says. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/contribution/criteria.h"

#include <stdio.h>
#include <string.h>

static int check_partners(struct iqm_rules *rules)
{
    const char *school = iqm_rules_text(rules->document, "school_id");
    const json_t *partners = json_object_get(rules->document, "partner_school_ids");
    size_t index;
    const json_t *partner;

    json_array_foreach(partners, index, partner)
    {
        char pointer[60];
        if (strcmp(json_string_value(partner), school) != 0)
            continue;
        snprintf(pointer, sizeof pointer, "/partner_school_ids/%zu", index);
        return iqm_problem_at(rules->problem, pointer, "is the school itself; name the others");
    }
    return 0;
}

/* What is still to come has changed nothing yet, and would stand first in lists for ever. */
static int check_day(struct iqm_rules *rules)
{
    const char *day = iqm_rules_text(rules->document, "happened_on");

    if (strcmp(day, rules->today) <= 0)
        return 0;
    return iqm_problem_at(
        rules->problem, "/happened_on", "is in the future; today is %s", rules->today);
}

int iqm_rules_contribution(struct iqm_rules *rules)
{
    char academic_year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(iqm_rules_text(rules->document, "happened_on"), academic_year);
    if (json_object_set_new(rules->document, "academic_year", json_string(academic_year)) != 0)
        return IQM_ENOMEM;
    int error = check_partners(rules) | check_day(rules);
    int criteria_error = criteria_check(rules);
    return criteria_error != 0 ? criteria_error : error;
}
