/* Which roles may set which members (x-write and x-create in the contract): decided from the
 * documents alone. */
#include "writers.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <stdio.h>
#include <string.h>

static bool may_set(const struct iqm_member *member, bool creating, struct iqm_slice role)
{
    const char *const *writers = creating ? member->creators : member->writers;

    if (writers == NULL)
        return true;
    for (const char *const *writer = writers; *writer != NULL; writer++) {
        if (iqm_slice_equal_string(role, *writer))
            return true;
    }
    return false;
}

/* What the server sets is checked elsewhere. Absent and null are the same in a document. */
static bool differs(const struct iqm_member *member, const json_t *before, const json_t *wanted)
{
    const json_t *was = json_object_get(before, member->name);
    const json_t *is = json_object_get(wanted, member->name);

    if ((member->flags & IQM_MEMBER_READ_ONLY) != 0)
        return false;
    if (was == NULL || json_is_null(was))
        return is != NULL && !json_is_null(is);
    return is == NULL || !json_equal(was, is);
}

static bool may_set_all(const struct iqm_schema *schema, struct iqm_slice role,
    const json_t *before, const json_t *wanted)
{
    for (uint16_t i = 0; i < schema->member_count; i++) {
        if (!may_set(&schema->members[i], before == NULL, role) &&
            differs(&schema->members[i], before, wanted))
            return false;
    }
    return true;
}

const char *writers_of(struct iqm_call *call, const struct iqm_resource *resource,
    const char *roles, const json_t *before, const json_t *wanted)
{
    const struct iqm_schema *schema = &call->contract->schemas[resource->schema];
    char *kept = iqm_arena_alloc(call->arena, strlen(roles) + 3);
    size_t length = 0;
    bool all = true;
    struct iqm_slice role;

    if (kept == NULL)
        return NULL;
    for (const char *rest = roles; iqm_roles_next(&rest, &role);) {
        if (!may_set_all(schema, role, before, wanted)) {
            all = false;
            continue;
        }
        kept[length] = length == 0 ? '{' : ',';
        memcpy(kept + length + 1, role.ptr, role.len);
        length += 1 + role.len;
    }
    strcpy(kept + length, length == 0 ? "{}" : "}");
    return all ? roles : kept;
}

static bool all_may_set(const struct iqm_member *member, bool creating, const char *roles)
{
    struct iqm_slice role;

    while (iqm_roles_next(&roles, &role)) {
        if (!may_set(member, creating, role))
            return false;
    }
    return true;
}

int writers_refuse(struct iqm_call *call, const struct iqm_resource *resource, const char *roles,
    const json_t *before, const json_t *wanted)
{
    const struct iqm_schema *schema = &call->contract->schemas[resource->schema];

    for (uint16_t i = 0; i < schema->member_count; i++) {
        char pointer[100];
        if (!differs(&schema->members[i], before, wanted) ||
            all_may_set(&schema->members[i], before == NULL, roles))
            continue;
        snprintf(pointer, sizeof pointer, "/%s", schema->members[i].name);
        iqm_problem_at(&call->problem, pointer, "may not be set by your role");
    }
    return iqm_problem_set(&call->problem, IQM_PROBLEM_MEMBER_FORBIDDEN, NULL);
}
