/* A school does not follow itself. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <string.h>

int iqm_rules_succession(struct iqm_rules *rules)
{
    const char *predecessor = iqm_rules_text(rules->document, "predecessor_id");
    const char *successor = iqm_rules_text(rules->document, "successor_id");

    if (strcmp(predecessor, successor) == 0)
        return iqm_problem_at(rules->problem, "/successor_id", "is the predecessor itself");
    return 0;
}
