/* Only what the rule does not know already is told of a day. */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "iqm/working_days.h"

#include <string.h>

int iqm_rules_bank_holiday(struct iqm_rules *rules)
{
    const char *day = iqm_rules_text(rules->document, "day");
    bool is_added = strcmp(iqm_rules_text(rules->document, "kind"), "added") == 0;
    bool is_known = iqm_is_bank_holiday(day, NULL);

    if (is_added && is_known)
        return iqm_problem_at(rules->problem, "/day", "is a bank holiday already");
    if (is_added && iqm_calendar_is_weekend(day))
        return iqm_problem_at(rules->problem, "/day", "is on a weekend, when nobody works anyway");
    if (!is_added && !is_known)
        return iqm_problem_at(rules->problem, "/day", "is no bank holiday that could be removed");
    return 0;
}
