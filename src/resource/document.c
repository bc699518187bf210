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

/* Absent and null are the same in a document. */
static bool is_absent(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

static bool is_same(const json_t *a, const json_t *b)
{
    return is_absent(a) || is_absent(b) ? is_absent(a) && is_absent(b) : json_equal(a, b) == 1;
}

int document_check_read_only(struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *sent, const char *id)
{
    const struct iqm_schema *schema = schema_of(call, resource);
    int error = 0;

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        const json_t *value = json_object_get(sent, name);
        char pointer[100];
        if (value == NULL || !is_read_only(call, &schema->members[i]))
            continue;
        if (before != NULL && is_same(value, json_object_get(before, name)))
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

static bool is_reference(const struct iqm_call *call, const struct iqm_member *member)
{
    return call->contract->schemas[member->schema].format == IQM_FORMAT_UUID &&
           (member->flags & IQM_MEMBER_READ_ONLY) == 0;
}

/* The index of the next reference from `from` on that is set and differs from `before`;
 * member_count when there is none. */
static uint16_t next_reference(const struct iqm_call *call, const struct iqm_schema *schema,
    const json_t *before, const json_t *document, uint16_t from)
{
    for (; from < schema->member_count; from++) {
        const char *name = schema->members[from].name;
        const json_t *value = json_object_get(document, name);
        if (is_reference(call, &schema->members[from]) && !is_absent(value) &&
            !is_same(value, json_object_get(before, name)))
            break;
    }
    return from;
}

void document_point_at_references(struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *document)
{
    const struct iqm_schema *schema = schema_of(call, resource);
    uint16_t first = next_reference(call, schema, before, document, 0);

    if (first == schema->member_count) {
        before = NULL;
        first = next_reference(call, schema, NULL, document, 0);
    }
    if (first == schema->member_count)
        return;
    bool alone = next_reference(call, schema, before, document, first + 1) == schema->member_count;
    for (uint16_t i = first; i < schema->member_count;
         i = next_reference(call, schema, before, document, i + 1)) {
        char pointer[100];
        snprintf(pointer, sizeof pointer, "/%s", schema->members[i].name);
        iqm_problem_at(&call->problem, pointer, "%s",
            alone ? "refers to a record that is not yours"
                  : "refers to a record that is not yours, or another of these does");
    }
}

/* The value of one member of the new document, new reference; NULL leaves it out. What the server
 * derives stays where the client does not repeat it: the rules set it anew where need be. */
static json_t *member_value(const struct iqm_member *member, const json_t *before,
    const json_t *wanted, const char *id, const char *now)
{
    const char *name = member->name;

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
    if (is_absent(value) && (member->flags & IQM_MEMBER_READ_ONLY) != 0)
        value = json_object_get(before, name);
    return is_absent(value) ? NULL : json_incref(value);
}

/* Where a record that has statuses begins. */
static int set_initial(const struct iqm_resource *resource, const json_t *before, json_t *document)
{
    if (before != NULL || resource->initial == NULL)
        return 0;
    return json_object_set_new(document, "status", json_string(resource->initial)) |
           json_object_set_new(document, "transitions", json_array());
}

json_t *document_build(const struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *wanted, const char *id)
{
    const struct iqm_schema *schema = schema_of(call, resource);
    json_t *document = json_object();
    char now[IQM_TIME_TEXT];
    int failed = document == NULL;

    iqm_time_now(now);
    for (uint16_t i = 0; failed == 0 && i < schema->member_count; i++) {
        json_t *value = member_value(&schema->members[i], before, wanted, id, now);
        if (value != NULL)
            failed = json_object_set_new_nocheck(document, schema->members[i].name, value);
    }
    if (failed == 0 && set_initial(resource, before, document) == 0)
        return document;
    json_decref(document);
    return NULL;
}

int document_check(
    struct iqm_call *call, const struct iqm_resource *resource, struct iqm_rules *rules)
{
    int error = iqm_contract_validate(
        call->contract, resource->schema, rules->document, "", true, &call->problem);

    rules->arena = call->arena;
    rules->roles = call->roles;
    rules->problem = &call->problem;
    /* The rules rely on what the contract promises. */
    if (error == 0 && resource->rules != NULL)
        error = resource->rules(rules);
    if (error != 0 && call->problem.type == NULL)
        iqm_problem_set(&call->problem,
            error == IQM_EPROBLEM ? IQM_PROBLEM_VALIDATION_FAILED : IQM_PROBLEM_INTERNAL_ERROR,
            NULL);
    return error;
}

/* Setting a member anew puts it last. */
int iqm_resource_order(
    const struct iqm_contract *contract, const struct iqm_resource *resource, json_t *document)
{
    const struct iqm_schema *schema = &contract->schemas[resource->schema];
    int failed = 0;

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        json_t *value = json_object_get(document, name);
        if (value == NULL)
            continue;
        json_incref(value);
        json_object_del(document, name);
        failed |= json_object_set_new_nocheck(document, name, value);
    }
    return failed == 0 ? 0 : IQM_ENOMEM;
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

const json_t *iqm_rules_find(const json_t *array, const char *member, const char *text)
{
    size_t i;
    const json_t *one;

    json_array_foreach(array, i, one)
    {
        const char *value = iqm_rules_text(one, member);
        if (value != NULL && strcmp(value, text) == 0)
            return one;
    }
    return NULL;
}

int iqm_rules_set_text(json_t *document, const char *member, const char *text)
{
    return json_object_set_new(document, member, json_string(text)) == 0 ? 0 : IQM_ENOMEM;
}

const char *iqm_document_with_text(
    struct iqm_arena *arena, const char *document, const char *member, const char *text)
{
    json_t *parsed = text != NULL ? json_loads(document, 0, NULL) : NULL;
    char *written = NULL;

    if (text == NULL)
        return document;
    if (parsed != NULL && iqm_rules_set_text(parsed, member, text) == 0) {
        size_t length = json_dumpb(parsed, NULL, 0, JSON_COMPACT);
        written = iqm_arena_alloc(arena, length + 1);
        if (written != NULL)
            json_dumpb(parsed, written, length, JSON_COMPACT);
    }
    json_decref(parsed);
    return written;
}

int iqm_rules_in_context(struct iqm_rules *rules, const char *pointer,
    int (*check)(struct iqm_rules *rules, const json_t *context))
{
    if (rules->context == NULL)
        return iqm_problem_at(rules->problem, pointer, "refers to a record that does not exist");
    json_t *context = json_loads(rules->context, 0, NULL);
    int error = context != NULL ? check(rules, context) : IQM_ENOMEM;

    json_decref(context);
    return error;
}
