/* Making the document that is stored. Knows JSON and the contract, no HTTP and no SQL. */
#include "document.h"

#include "contract_tables.h"
#include "iqm/ids.h"

#include <stdio.h>
#include <string.h>

static const struct iqm_schema *schema_of(
    const struct iqm_call *call, const struct iqm_resource *resource)
{
    return &call->contract->schemas[resource->schema];
}

static bool is_read_only(const struct iqm_call *call, const struct iqm_member *member)
{
    (void)call;
    return (member->flags & IQM_MEMBER_READ_ONLY) != 0;
}

int document_check_read_only(struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *wanted, const char *id)
{
    const struct iqm_schema *schema = schema_of(call, resource);
    int error = 0;

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        const json_t *value = json_object_get(wanted, name);
        char pointer[100];
        if (value == NULL || !is_read_only(call, &schema->members[i]))
            continue;
        if (before != NULL && json_equal(value, json_object_get(before, name)))
            continue;
        if (before == NULL && strcmp(name, "id") == 0 && json_is_string(value) &&
            strcmp(json_string_value(value), id) == 0)
            continue;
        snprintf(pointer, sizeof pointer, "/%s", name);
        error = iqm_problem_at(&call->problem, pointer, "%s",
            before != NULL ? "is set by the server and cannot be changed"
                           : "is set by the server: leave it out");
    }
    if (error != 0)
        iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
    return error;
}

/* The value of one member of the new document, new reference; NULL leaves it out. */
static json_t *member_value(
    const char *name, const json_t *before, const json_t *wanted, const char *id, const char *now)
{
    if (strcmp(name, "id") == 0)
        return json_string(id);
    if (strcmp(name, "version") == 0)
        return json_integer(json_integer_value(json_object_get(before, "version")) + 1);
    if (strcmp(name, "updated_at") == 0)
        return json_string(now);
    if (strcmp(name, "created_at") == 0 && before == NULL)
        return json_string(now);
    if (strcmp(name, "created_at") == 0)
        return json_incref(json_object_get(before, name));
    json_t *value = json_object_get(wanted, name);
    return value == NULL || json_is_null(value) ? NULL : json_incref(value);
}

json_t *document_build(const struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *wanted, const char *id)
{
    const struct iqm_schema *schema = schema_of(call, resource);
    json_t *document = json_object();
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    for (uint16_t i = 0; document != NULL && i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        json_t *value = member_value(name, before, wanted, id, now);
        if (value != NULL && json_object_set_new_nocheck(document, name, value) != 0) {
            json_decref(document);
            return NULL;
        }
    }
    return document;
}

int document_check(struct iqm_call *call, const struct iqm_resource *resource, const json_t *before,
    json_t *document, const char *context)
{
    struct iqm_rules rules = {.arena = call->arena,
        .before = before,
        .document = document,
        .context = context,
        .problem = &call->problem};
    int error =
        iqm_contract_validate(call->contract, resource->schema, document, "", true, &call->problem);

    /* The rules rely on what the contract promises. */
    if (error == 0 && resource->rules != NULL)
        error = resource->rules(&rules);
    if (error != 0 && call->problem.type == NULL)
        iqm_problem_set(&call->problem,
            error == IQM_EPROBLEM ? IQM_PROBLEM_VALIDATION_FAILED : IQM_PROBLEM_INTERNAL_ERROR,
            NULL);
    return error;
}

bool document_same(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *value;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, name, value)
    {
        if (strcmp(name, "version") == 0 || strcmp(name, "updated_at") == 0)
            continue;
        if (!json_equal(value, json_object_get(b, name)))
            return false;
    }
    return true;
}

const char *iqm_rules_text(const json_t *document, const char *member)
{
    return json_string_value(json_object_get(document, member));
}
