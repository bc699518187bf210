/* A hold is on one person, from a day to a day that are not to come. */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/work.h"

#include <string.h>

static int check_past(struct iqm_rules *rules, const char *pointer, const char *day)
{
    if (day == NULL || strcmp(day, rules->today) <= 0)
        return 0;
    return iqm_problem_at(rules->problem, pointer, "is in the future; today is %s", rules->today);
}

int iqm_rules_legal_hold(struct iqm_rules *rules)
{
    const char *lifted = iqm_rules_text(rules->document, "lifted_on");
    int error = work_keep(rules, "person_id");

    if (iqm_rules_text(rules->document, "placed_on") == NULL &&
        iqm_rules_set_text(rules->document, "placed_on", rules->today) != 0)
        return IQM_ENOMEM;
    const char *placed = iqm_rules_text(rules->document, "placed_on");
    if ((check_past(rules, "/placed_on", placed) | check_past(rules, "/lifted_on", lifted)) != 0)
        error = IQM_EPROBLEM;
    if (lifted != NULL && strcmp(lifted, placed) < 0)
        error = iqm_problem_at(rules->problem, "/lifted_on", "is before the day it was placed on");
    return error;
}
