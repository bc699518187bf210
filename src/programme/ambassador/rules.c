/* An ambassador leaves after joining. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <string.h>

int iqm_rules_ambassador(struct iqm_rules *rules)
{
    const char *joined = iqm_rules_text(rules->document, "joined_on");
    const char *left = iqm_rules_text(rules->document, "left_on");

    if (joined != NULL && left != NULL && strcmp(left, joined) < 0)
        return iqm_problem_at(rules->problem, "/left_on", "is before joined_on");
    return 0;
}
