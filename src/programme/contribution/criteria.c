/* Which criteria a contribution may say that it evidences. That their frameworks stay, the table
 * says. */
#include "programme/contribution/criteria.h"

#include <stdio.h>
#include <string.h>

/* Whether the reference stands among the first `count`. */
static bool stands_in(const json_t *criteria, size_t count, const json_t *reference)
{
    for (size_t i = 0; i < count; i++) {
        if (json_equal(json_array_get(criteria, i), reference) == 1)
            return true;
    }
    return false;
}

static bool has_code(const json_t *codes, const char *code)
{
    for (size_t i = 0; i < json_array_size(codes); i++) {
        if (strcmp(json_string_value(json_array_get(codes, i)), code) == 0)
            return true;
    }
    return false;
}

/* `frameworks`: the codes of each that there is, by its id. What stood there before stays good: a
 * framework that is not in use yet may have lost it since. */
static int check_one(
    struct iqm_rules *rules, const json_t *frameworks, const json_t *criteria, size_t index)
{
    const json_t *reference = json_array_get(criteria, index);
    const json_t *before = json_object_get(rules->before, "criteria");
    const json_t *codes = json_object_get(frameworks, iqm_rules_text(reference, "framework_id"));
    char pointer[60];

    if (stands_in(criteria, index, reference)) {
        snprintf(pointer, sizeof pointer, "/criteria/%zu", index);
        return iqm_problem_at(rules->problem, pointer, "stands there already");
    }
    if (stands_in(before, json_array_size(before), reference))
        return 0;
    if (codes == NULL) {
        snprintf(pointer, sizeof pointer, "/criteria/%zu/framework_id", index);
        return iqm_problem_at(rules->problem, pointer, "refers to a record that does not exist");
    }
    if (!has_code(codes, iqm_rules_text(reference, "code"))) {
        snprintf(pointer, sizeof pointer, "/criteria/%zu/code", index);
        return iqm_problem_at(
            rules->problem, pointer, "is not the code of a criterion of that framework");
    }
    return 0;
}

int criteria_check(struct iqm_rules *rules)
{
    const json_t *criteria = json_object_get(rules->document, "criteria");
    int error = 0;

    if (json_array_size(criteria) == 0)
        return 0;
    json_t *frameworks = rules->context != NULL ? json_loads(rules->context, 0, NULL) : NULL;
    if (frameworks == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < json_array_size(criteria); i++) {
        if (check_one(rules, frameworks, criteria, i) != 0)
            error = IQM_EPROBLEM;
    }
    json_decref(frameworks);
    return error;
}
