/* An assignment ends after it starts. That a cluster has one ambassador at a time, the table says.
 */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <string.h>

int iqm_rules_assignment(struct iqm_rules *rules)
{
    const char *starts = iqm_rules_text(rules->document, "starts_on");
    const char *ends = iqm_rules_text(rules->document, "ends_on");

    if (ends != NULL && strcmp(ends, starts) < 0)
        return iqm_problem_at(rules->problem, "/ends_on", "is before starts_on");
    return 0;
}
