/* A change becomes a call of its own; what is wrong with its form is its own, too. */
#include "pushed.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/members.h"
#include "iqm/resource.h"
#include "iqm/services.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one change; of what it is made of, the body counts already. */
#define MEMORY ((size_t)4 * 1024 * 1024)

const char *pushed_text(const struct pushed *item, const char *member)
{
    return json_string_value(json_object_get(item->asked, member));
}

int64_t pushed_base_version(const struct pushed *item)
{
    return json_integer_value(json_object_get(item->asked, "base_version"));
}

bool pushed_is(const struct pushed *item, const char *method)
{
    return strcmp(pushed_text(item, "method"), method) == 0;
}

bool pushed_is_aimed(const struct pushed *item)
{
    return item->call.operation != item->part.whole->operation;
}

const char *pushed_client_id(struct iqm_arena *arena, struct iqm_slice text)
{
    const size_t length = IQM_UUID_TEXT - 1;
    struct iqm_members members;

    if (text.len == 0 || *text.ptr != '{')
        return NULL;
    iqm_members_open(&members, text);
    while (iqm_members_next(&members)) {
        struct iqm_slice value = members.value;
        if (iqm_slice_equal_string(members.name, "client_id") && value.len == length + 2 &&
            *value.ptr == '"' && iqm_format_matches(IQM_FORMAT_UUID, value.ptr + 1, length))
            return iqm_arena_copy(arena, value.ptr + 1, length);
    }
    return NULL;
}

static iqm_handler_fn *handler_of(const struct pushed *item)
{
    return pushed_is(item, "create")   ? iqm_resource_create
           : pushed_is(item, "update") ? iqm_resource_patch
                                       : iqm_resource_delete;
}

/* On records of its kind. NULL: the contract has none, so nobody may do it. */
static const struct iqm_operation *operation_of(
    const struct iqm_contract *contract, const struct pushed *item, iqm_handler_fn *handler)
{
    for (size_t i = 0; i < contract->operation_count; i++) {
        const struct iqm_operation *operation = &contract->operations[i];
        if (operation->handler == handler && operation->resource != NULL &&
            strcmp(operation->resource->name, pushed_text(item, "type")) == 0)
            return operation;
    }
    return NULL;
}

const struct iqm_operation *pushed_reading(const struct pushed *item)
{
    return operation_of(item->call.contract, item, iqm_resource_get);
}

static int make_call(struct pushed *item, struct iqm_call *whole)
{
    struct iqm_call *call = &item->call;

    *call = (struct iqm_call){.part = &item->part,
        .arena = iqm_arena_new(MEMORY),
        .contract = whole->contract,
        .operation = whole->operation,
        .pg = whole->pg,
        .vault = whole->vault,
        .services = whole->services,
        .request_id = whole->request_id,
        .authorization = whole->authorization,
        .address = whole->address,
        .address_key = whole->address_key};
    if (call->arena == NULL)
        return IQM_ENOMEM;
    iqm_problem_init(&call->problem, call->arena);
    return 0;
}

/* Keyed, as the server's other hashes of what clients choose: neither id nor change is kept. The
 * order of its members is nothing to a change that can be read. */
static int make_once(struct pushed *item)
{
    const struct iqm_services *services = item->call.services;
    const uint8_t *key = services->config->token_key_bytes;
    const char *name = iqm_arena_printf(item->call.arena, "push %s", item->client_id);
    IQM_CLEANUP(iqm_free_pointer)
    char *sorted = item->asked != NULL
                       ? json_dumps(item->asked, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
                       : NULL;
    struct iqm_slice whole =
        sorted != NULL ? (struct iqm_slice){sorted, strlen(sorted)} : item->text;

    if (name == NULL || (sorted == NULL && item->asked != NULL))
        return IQM_ENOMEM;
    iqm_token_hash(key, (struct iqm_slice){name, strlen(name)}, item->once.key);
    iqm_token_hash(key, whole, item->once.fingerprint);
    item->once.operation = "push_changes";
    item->once.ready = true;
    item->call.idempotency = &item->once;
    return 0;
}

/* What the contract says of every change. 0 or IQM_EPROBLEM. */
static int check_form(struct pushed *item)
{
    struct iqm_call *call = &item->call;

    if (iqm_contract_validate(call->contract, item->part.whole->apart.schema, item->asked, "", true,
            &call->problem) == 0)
        return 0;
    return iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

/* Which operation it is. 0 or IQM_EPROBLEM. */
static int aim(struct pushed *item)
{
    struct iqm_call *call = &item->call;
    const struct iqm_operation *operation = operation_of(call->contract, item, handler_of(item));
    const char *id = pushed_text(item, "id");

    if (operation == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN,
            "Records of this kind are not changed in this way.");
    call->parameters = iqm_arena_array(
        call->arena, (size_t)operation->parameter_count + 1, sizeof *call->parameters);
    if (call->parameters == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    call->operation = operation;
    call->body = json_incref(json_object_get(item->asked, "document"));
    call->path_values[0] = (struct iqm_slice){id, strlen(id)};
    if (!pushed_is(item, "create")) {
        int length = snprintf(
            item->if_match, sizeof item->if_match, "\"%" PRId64 "\"", pushed_base_version(item));
        call->if_match = (struct iqm_slice){item->if_match, (size_t)length};
    }
    return 0;
}

/* What belongs to which method, and what the contract says of a document. 0 or IQM_EPROBLEM. */
static int check_parts(struct pushed *item)
{
    struct iqm_call *call = &item->call;
    bool creates = pushed_is(item, "create"), deletes = pushed_is(item, "delete");

    if (deletes != (call->body == NULL))
        iqm_problem_at(
            &call->problem, "/document", deletes ? "is not for a deletion" : "is needed");
    if (creates != (json_object_get(item->asked, "base_version") == NULL))
        iqm_problem_at(
            &call->problem, "/base_version", creates ? "is not for a creation" : "is needed");
    if (call->problem.violation_count == 0 && creates)
        iqm_contract_validate(
            call->contract, call->operation->body_schema, call->body, "", true, &call->problem);
    return call->problem.violation_count == 0
               ? 0
               : iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

int pushed_begin(
    struct pushed *item, struct iqm_call *whole, void (*answered)(struct iqm_call *call))
{
    struct iqm_call *call = &item->call;

    item->part = (struct iqm_part){.whole = whole, .answered = answered};
    if (make_call(item, whole) != 0)
        return IQM_ENOMEM;
    int error = iqm_call_json(call, item->text, &item->asked);
    if (make_once(item) != 0)
        return IQM_ENOMEM;
    if (error == 0)
        error = check_form(item);
    if (error == 0)
        error = aim(item);
    if (error == 0)
        error = check_parts(item);
    if (error != 0)
        iqm_call_fail(call);
    else if (pushed_is(item, "create"))
        iqm_resource_create_as(call, pushed_text(item, "id"));
    else
        call->operation->handler(call);
    return 0;
}

void pushed_let_go(struct pushed *item)
{
    struct iqm_call *call = &item->call;

    if (call->release != NULL)
        call->release(call);
    json_decref(call->body);
    json_decref(item->asked);
    iqm_arena_free(call->arena);
    call->release = NULL;
    call->body = item->asked = NULL;
    call->arena = NULL;
}
