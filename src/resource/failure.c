/* From what PostgreSQL refused to what the client can do about it. No word of PostgreSQL's own. */
#include "iqm/resource.h"

#include "contract_tables.h"

#include <stdio.h>
#include <string.h>

/* SQLSTATE → problem; a prefix of two stands for its class. PostgreSQL 15, Appendix A. */
static const struct {
    const char *state;
    const struct iqm_problem_type *type;
} states[] = {
    {"42501", IQM_PROBLEM_FORBIDDEN}, /* row-level security said no */
    {"22", IQM_PROBLEM_VALIDATION_FAILED},
    {"23", IQM_PROBLEM_VALIDATION_FAILED},
    {"25", IQM_PROBLEM_SERVICE_UNAVAILABLE}, /* among them a standby: the primary is elsewhere */
    {"26", IQM_PROBLEM_SERVICE_UNAVAILABLE}, /* its preparation failed before it; see session.c */
    {"40", IQM_PROBLEM_SERVICE_UNAVAILABLE}, /* serialization, deadlock: worth another try */
    {"53", IQM_PROBLEM_SERVICE_UNAVAILABLE},
    {"55", IQM_PROBLEM_SERVICE_UNAVAILABLE},
    {"57", IQM_PROBLEM_SERVICE_UNAVAILABLE},
};

static const struct iqm_problem_type *type_of(const char *state)
{
    for (size_t i = 0; i < IQM_LENGTH(states); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
            return states[i].type;
    }
    return IQM_PROBLEM_INTERNAL_ERROR;
}

/* Constraints are named <table>_<member>[_<member>…]_<kind>: points at each member so named. */
static void point_at_members(struct iqm_call *call, const struct iqm_resource *resource,
    const char *constraint, const char *sentence)
{
    const struct iqm_schema *schema = &call->contract->schemas[resource->schema];
    size_t table = strlen(resource->name);

    if (strncmp(constraint, resource->name, table) != 0 || constraint[table] != '_')
        return;
    for (uint16_t i = 0; i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        const char *found = strstr(constraint + table, name);
        if (found == NULL || found[-1] != '_' || found[strlen(name)] != '_' ||
            (schema->members[i].flags & IQM_MEMBER_READ_ONLY) != 0)
            continue;
        char pointer[100];
        snprintf(pointer, sizeof pointer, "/%s", name);
        iqm_problem_at(&call->problem, pointer, "%s", sentence);
    }
}

static int unique_failure(
    struct iqm_call *call, const struct iqm_resource *resource, const char *constraint)
{
    if (strncmp(constraint, resource->name, strlen(resource->name)) == 0 &&
        strcmp(constraint + strlen(resource->name), "_pkey") == 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_PRECONDITION_FAILED,
            "There is a record with this id already.");
    point_at_members(call, resource, constraint, "is taken by another record");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
        "Another record has this already, and there may be only one; see errors.");
}

static int reference_failure(struct iqm_call *call, const struct iqm_resource *resource,
    const char *constraint, bool deleting)
{
    if (deleting)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
            "Other records still refer to this one. Delete or change those first.");
    point_at_members(call, resource, constraint, "refers to a record that does not exist");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

/* Our own functions in the database raise IQ409, IQ422 and IQ403 with a sentence for the client; a
 * constraint named along with it points at members. */
static int own_failure(
    struct iqm_call *call, const struct iqm_resource *resource, const struct iqm_pg_batch *batch)
{
    const struct iqm_problem_type *type = IQM_PROBLEM_FORBIDDEN;
    const char *sentence = iqm_arena_string(call->arena, iqm_pg_message(batch));

    if (strcmp(iqm_pg_sqlstate(batch), "IQ409") == 0)
        type = IQM_PROBLEM_CONFLICT;
    else if (strcmp(iqm_pg_sqlstate(batch), "IQ422") == 0)
        type = IQM_PROBLEM_VALIDATION_FAILED;
    point_at_members(call, resource, iqm_pg_constraint(batch), "is at fault; see detail");
    return iqm_problem_set(&call->problem, type, "%s", sentence != NULL ? sentence : type->detail);
}

int iqm_resource_failure(struct iqm_call *call, const struct iqm_resource *resource,
    const struct iqm_pg_batch *batch, bool deleting)
{
    const char *state = iqm_pg_sqlstate(batch);
    const char *constraint = iqm_pg_constraint(batch);

    if (batch->error != IQM_EPG)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    if (strcmp(state, "23505") == 0 || strcmp(state, "23P01") == 0)
        return unique_failure(call, resource, constraint);
    if (strcmp(state, "23503") == 0)
        return reference_failure(call, resource, constraint, deleting);
    if (strncmp(state, "IQ", 2) == 0)
        return own_failure(call, resource, batch);
    if (strcmp(state, "42501") == 0)
        call->denied = true;
    return iqm_problem_set(&call->problem, type_of(state), NULL);
}
