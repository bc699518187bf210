/* A coordinator has a school, and nobody else does. The first password sets activated_at. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <string.h>

static bool has_role(const json_t *document, const char *role)
{
    size_t i;
    const json_t *value;

    json_array_foreach(json_object_get(document, "roles"), i, value)
    {
        if (strcmp(json_string_value(value), role) == 0)
            return true;
    }
    return false;
}

int iqm_rules_account(struct iqm_rules *rules)
{
    bool has_school = iqm_rules_text(rules->document, "school_id") != NULL;
    json_t *activated = json_object_get(rules->before, "activated_at");

    if (activated != NULL && json_object_set(rules->document, "activated_at", activated) != 0)
        return IQM_ENOMEM;
    if (has_role(rules->document, "school") && !has_school)
        return iqm_problem_at(rules->problem, "/school_id", "is needed with the role school");
    if (!has_role(rules->document, "school") && has_school)
        return iqm_problem_at(rules->problem, "/school_id", "belongs to the role school only");
    return 0;
}
