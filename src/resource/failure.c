/* From what PostgreSQL refused to what the client can do about it. No word of PostgreSQL's own. */
#include "iqm/resource.h"

#include "contract_tables.h"
#include "iqm/idempotency.h"

#include <stdio.h>
#include <string.h>

/* SQLSTATE → problem; a prefix of two stands for its class. PostgreSQL 15, Appendix A. */
static const struct {
    const char *state;
    const struct iqm_problem_type *type;
} states[] = {
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

/* Whether the constraint, named <table>_<member>[_<member>…]_<kind>, names the member. */
static bool is_named(
    const struct iqm_resource *resource, const char *constraint, const struct iqm_member *member)
{
    size_t table = strlen(resource->name);

    if (strncmp(constraint, resource->name, table) != 0 || constraint[table] != '_')
        return false;
    const char *found = strstr(constraint + table, member->name);
    return found != NULL && found[-1] == '_' && found[strlen(member->name)] == '_' &&
           (member->flags & IQM_MEMBER_READ_ONLY) == 0;
}

static void point_at_members(struct iqm_call *call, const struct iqm_resource *resource,
    const char *constraint, const char *sentence)
{
    const struct iqm_schema *schema = &call->contract->schemas[resource->schema];

    for (uint16_t i = 0; i < schema->member_count; i++) {
        char pointer[100];
        if (!is_named(resource, constraint, &schema->members[i]))
            continue;
        snprintf(pointer, sizeof pointer, "/%s", schema->members[i].name);
        iqm_problem_at(&call->problem, pointer, "%s", sentence);
    }
}

/* "meeting_id and school_id"; NULL where the constraint names fewer than two. */
static const char *names_together(
    struct iqm_call *call, const struct iqm_resource *resource, const char *constraint)
{
    const struct iqm_schema *schema = &call->contract->schemas[resource->schema];
    const char *names = NULL;
    unsigned count = 0;

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        if (!is_named(resource, constraint, &schema->members[i]))
            continue;
        names = count++ == 0 ? name : iqm_arena_printf(call->arena, "%s and %s", names, name);
        if (names == NULL)
            return NULL;
    }
    return count > 1 ? names : NULL;
}

static int unique_failure(
    struct iqm_call *call, const struct iqm_resource *resource, const char *constraint)
{
    if (strncmp(constraint, resource->name, strlen(resource->name)) == 0 &&
        strcmp(constraint + strlen(resource->name), "_pkey") == 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_PRECONDITION_FAILED,
            "There is a record with this id already.");
    const char *names = names_together(call, resource, constraint);
    point_at_members(call, resource, constraint,
        names != NULL ? "is taken by another record, together with the others"
                      : "is taken by another record");
    if (names != NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
            "There is a record with this %s already, and there may be only one.", names);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
        "Another record has this already, and there may be only one; see errors.");
}

static int overlap_failure(
    struct iqm_call *call, const struct iqm_resource *resource, const char *constraint)
{
    point_at_members(call, resource, constraint, "overlaps with another record");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
        "Another record has part of this already, and they may not overlap; see errors.");
}

/* The resource whose table the constraint is of; NULL where it is of no resource. */
static const struct iqm_resource *resource_of(
    const struct iqm_contract *contract, const char *constraint)
{
    const struct iqm_resource *found = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < contract->resource_count; i++) {
        size_t length = strlen(contract->resources[i].name);
        if (length > longest && constraint[length] == '_' &&
            strncmp(constraint, contract->resources[i].name, length) == 0) {
            found = &contract->resources[i];
            longest = length;
        }
    }
    return found;
}

/* Of what kind they are is in the contract; which they are may be none of the caller's business. */
static int in_use(struct iqm_call *call, const char *constraint)
{
    const struct iqm_resource *other = resource_of(call->contract, constraint);
    const char *slash = other != NULL ? strrchr(other->collection, '/') : NULL;
    char *kind = iqm_arena_string(call->arena, slash != NULL ? slash + 1 : "of another kind");

    for (char *hyphen = kind; hyphen != NULL && (hyphen = strchr(hyphen, '-')) != NULL;)
        *hyphen = ' ';
    return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
        "Other records refer to this one: %s. Delete or change those first.",
        kind != NULL ? kind : "of another kind");
}

static int reference_failure(struct iqm_call *call, const struct iqm_resource *resource,
    const char *constraint, bool deleting)
{
    if (deleting)
        return in_use(call, constraint);
    point_at_members(call, resource, constraint, "refers to a record that does not exist");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

/* Our own functions in the database raise IQ409, IQ412, IQ422 and IQ403 with a sentence for the
 * client; a constraint named along with it points at members. */
static int own_failure(
    struct iqm_call *call, const struct iqm_resource *resource, const struct iqm_pg_batch *batch)
{
    const struct iqm_problem_type *type = IQM_PROBLEM_FORBIDDEN;
    const char *sentence = iqm_arena_string(call->arena, iqm_pg_message(batch));

    if (strcmp(iqm_pg_sqlstate(batch), "IQ409") == 0)
        type = IQM_PROBLEM_CONFLICT;
    else if (strcmp(iqm_pg_sqlstate(batch), "IQ412") == 0)
        type = IQM_PROBLEM_PRECONDITION_FAILED;
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
    if (iqm_idempotency_refusal(call, batch) != 0)
        return IQM_EPROBLEM;
    if (strcmp(state, "23505") == 0)
        return unique_failure(call, resource, constraint);
    if (strcmp(state, "23P01") == 0)
        return overlap_failure(call, resource, constraint);
    if (strcmp(state, "23503") == 0)
        return reference_failure(call, resource, constraint, deleting);
    if (strncmp(state, "IQ", 2) == 0)
        return own_failure(call, resource, batch);
    if (strcmp(state, "42501") == 0) { /* row-level security said no */
        call->denied = true;
        return iqm_problem_set(&call->problem, IQM_PROBLEM_RECORD_FORBIDDEN, NULL);
    }
    return iqm_problem_set(&call->problem, type_of(state), NULL);
}

int iqm_resource_sealed(struct iqm_call *call, int error)
{
    bool may_pass = error == IQM_EPGLOST || error == IQM_ELIMIT;

    return iqm_problem_set(&call->problem,
        may_pass ? IQM_PROBLEM_SERVICE_UNAVAILABLE : IQM_PROBLEM_INTERNAL_ERROR, NULL);
}
