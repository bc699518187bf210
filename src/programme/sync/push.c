/*
 * Changes that were made offline, one after the other: each is the operation it would have been
 * online, with that operation's rights, rules and transaction, and is done once however often it is
 * sent. What becomes of one is nothing to the others.
 */
#include "contract_tables.h"
#include "iqm/buffer.h"
#include "iqm/idempotency.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "programme/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of one change; of what it is made of, the body counts already. */
#define ITEM_MEMORY ((size_t)4 * 1024 * 1024)

struct pushing;

struct item {
    struct iqm_call call;
    struct iqm_part part;
    struct iqm_idempotency once;
    struct pushing *pushing;
    json_t *asked; /* borrowed from the body */
    char if_match[24];
};

struct pushing {
    struct step *step;
    size_t next, count;
    struct item *items;
    struct iqm_buffer results;
    struct iqm_slice versions[2]; /* stored: the record as it is, as it was */
};

static const char *text(const struct item *item, const char *member)
{
    return json_string_value(json_object_get(item->asked, member));
}

static int64_t base_version(const struct item *item)
{
    return json_integer_value(json_object_get(item->asked, "base_version"));
}

static bool is(const struct item *item, const char *method)
{
    return strcmp(text(item, "method"), method) == 0;
}

static void begin_next(struct pushing *pushing);

/* ---- what became of one ---- */

static void add_document(struct pushing *pushing, const char *name, struct iqm_slice document)
{
    if (document.ptr == NULL)
        return;
    iqm_buffer_text(&pushing->results, ",\"");
    iqm_buffer_text(&pushing->results, name);
    iqm_buffer_text(&pushing->results, "\":");
    iqm_buffer_add(&pushing->results, document.ptr, document.len);
}

static void open_result(struct item *item, const char *outcome)
{
    struct iqm_buffer *results = &item->pushing->results;

    iqm_buffer_text(results, results->length > 0 ? ",{\"client_id\":\"" : "{\"client_id\":\"");
    iqm_buffer_text(results, text(item, "client_id"));
    iqm_buffer_text(results, "\",\"outcome\":\"");
    iqm_buffer_text(results, outcome);
    iqm_buffer_text(results, "\"");
}

static void close_result(struct item *item)
{
    iqm_buffer_text(&item->pushing->results, "}");
    begin_next(item->pushing);
}

static void applied(struct item *item)
{
    open_result(item, "applied");
    if (!is(item, "delete") && item->part.status < 300)
        add_document(item->pushing, "document", item->part.body);
    close_result(item);
}

static void refused(struct item *item)
{
    open_result(item, "refused");
    add_document(item->pushing, "problem", item->part.body);
    close_result(item);
}

static struct item *current(struct pushing *pushing)
{
    return &pushing->items[pushing->next - 1];
}

static void tell_conflict(struct step *step, const struct iqm_slice *documents)
{
    struct pushing *pushing = step->user;
    struct item *item = current(pushing);

    if (documents[0].ptr == NULL) { /* gone meanwhile */
        refused(item);
        return;
    }
    open_result(item, "conflict");
    add_document(pushing, "current", documents[0]);
    add_document(pushing, "base", documents[1]);
    add_document(pushing, "problem", item->part.body);
    close_result(item);
}

static void versions_read(struct step *step, const PGresult *rows)
{
    struct pushing *pushing = step->user;
    struct item *item = current(pushing);

    for (int i = 0; i < 2; i++) {
        bool has = PQntuples(rows) == 1 && PQgetisnull(rows, 0, i) == 0;
        pushing->versions[i] =
            has ? (struct iqm_slice){PQgetvalue(rows, 0, i), (size_t)PQgetlength(rows, 0, i)}
                : (struct iqm_slice){NULL, 0};
    }
    if (strcmp(text(item, "type"), "person") == 0)
        step_open_people(step, pushing->versions, 2, tell_conflict);
    else
        tell_conflict(step, pushing->versions);
}

static void conflicts(struct item *item)
{
    struct step *step = item->pushing->step;

    step->values[0].text = text(item, "type");
    step->values[1].text = text(item, "id");
    step->values[2].text = iqm_arena_printf(step->call->arena, "%" PRId64, base_version(item));
    step_read(step, IQM_STATEMENT_PUSH_CONFLICT, versions_read);
}

static void answered(struct iqm_call *call)
{
    struct item *item = (struct item *)call;
    const struct iqm_problem_type *type = call->problem.type;

    if (item->part.status < 300 || type == IQM_PROBLEM_IDEMPOTENCY_ANSWER_GONE)
        applied(item);
    else if (type == IQM_PROBLEM_PRECONDITION_FAILED)
        conflicts(item);
    else
        refused(item);
}

/* ---- one after the other ---- */

static iqm_handler_fn *handler_of(const struct item *item)
{
    return is(item, "create")   ? iqm_resource_create
           : is(item, "update") ? iqm_resource_patch
                                : iqm_resource_delete;
}

/* NULL: the contract has none, so nobody may do it. */
static const struct iqm_operation *operation_of(
    const struct iqm_contract *contract, const struct item *item)
{
    iqm_handler_fn *handler = handler_of(item);

    for (size_t i = 0; i < contract->operation_count; i++) {
        const struct iqm_operation *operation = &contract->operations[i];
        if (operation->handler == handler && operation->resource != NULL &&
            strcmp(operation->resource->name, text(item, "type")) == 0)
            return operation;
    }
    return NULL;
}

/* Keyed, as the server's other hashes of what clients choose: neither id nor change is kept. */
static int make_once(struct item *item)
{
    const struct iqm_services *services = item->call.services;
    const uint8_t *key = services->config->token_key_bytes;
    const char *name = iqm_arena_printf(item->call.arena, "push %s", text(item, "client_id"));
    char *whole = json_dumps(item->asked, JSON_COMPACT | JSON_SORT_KEYS);

    if (name != NULL && whole != NULL) {
        iqm_token_hash(key, (struct iqm_slice){name, strlen(name)}, item->once.key);
        iqm_token_hash(key, (struct iqm_slice){whole, strlen(whole)}, item->once.fingerprint);
        item->once.operation = "push_changes";
        item->once.ready = true;
        item->call.idempotency = &item->once;
    }
    free(whole);
    return item->call.idempotency != NULL ? 0 : IQM_ENOMEM;
}

/* A call of its own, in the name of the same caller. 0 or IQM_ENOMEM. */
static int make_call(struct item *item, struct iqm_call *whole)
{
    struct iqm_call *call = &item->call;
    const struct iqm_operation *operation = operation_of(whole->contract, item);

    *call = (struct iqm_call){.part = &item->part,
        .arena = iqm_arena_new(ITEM_MEMORY),
        .contract = whole->contract,
        .operation = operation != NULL ? operation : whole->operation,
        .pg = whole->pg,
        .vault = whole->vault,
        .services = whole->services,
        .request_id = whole->request_id,
        .authorization = whole->authorization,
        .address = whole->address,
        .address_key = whole->address_key,
        .body = json_incref(json_object_get(item->asked, "document"))};
    item->part = (struct iqm_part){.whole = whole, .answered = answered};
    if (call->arena == NULL)
        return IQM_ENOMEM;
    iqm_problem_init(&call->problem, call->arena);
    call->parameters = iqm_arena_array(
        call->arena, (size_t)call->operation->parameter_count + 1, sizeof *call->parameters);
    if (call->parameters == NULL)
        return IQM_ENOMEM;
    call->path_values[0] = (struct iqm_slice){text(item, "id"), strlen(text(item, "id"))};
    if (!is(item, "create")) {
        int length =
            snprintf(item->if_match, sizeof item->if_match, "\"%" PRId64 "\"", base_version(item));
        call->if_match = (struct iqm_slice){item->if_match, (size_t)length};
    }
    return operation != NULL ? make_once(item) : 0;
}

/* What the contract wants of a change beside what it says of documents. */
static int check(struct item *item)
{
    struct iqm_problem *problem = &item->call.problem;

    if (item->call.operation == item->part.whole->operation)
        return iqm_problem_set(
            problem, IQM_PROBLEM_FORBIDDEN, "Records of this kind are not changed in this way.");
    if (is(item, "delete") != (item->call.body == NULL))
        iqm_problem_at(
            problem, "/document", is(item, "delete") ? "is not for a deletion" : "is needed");
    if (is(item, "create") != (json_object_get(item->asked, "base_version") == NULL))
        iqm_problem_at(
            problem, "/base_version", is(item, "create") ? "is not for a creation" : "is needed");
    if (problem->violation_count == 0 && is(item, "create"))
        iqm_contract_validate(item->call.contract, item->call.operation->body_schema,
            item->call.body, "", true, problem);
    return problem->violation_count == 0
               ? 0
               : iqm_problem_set(problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

static void begin(struct item *item)
{
    struct iqm_call *call = &item->call;

    if (make_call(item, item->pushing->step->call) != 0)
        iqm_call_fail_with(item->pushing->step->call, IQM_PROBLEM_INTERNAL_ERROR);
    else if (check(item) != 0)
        iqm_call_fail(call);
    else if (is(item, "create"))
        iqm_resource_create_as(call, text(item, "id"));
    else
        call->operation->handler(call);
}

static void answer(struct pushing *pushing)
{
    struct iqm_buffer *results = &pushing->results;
    struct iqm_call *call = pushing->step->call;

    if (results->failed) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    const char *page = iqm_arena_printf(call->arena, "{\"results\":[%.*s]}", (int)results->length,
        results->bytes != NULL ? results->bytes : "");
    if (page == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply(call, 200, "application/json", page, strlen(page));
}

static void begin_next(struct pushing *pushing)
{
    if (pushing->next == pushing->count)
        answer(pushing);
    else
        begin(&pushing->items[pushing->next++]);
}

/* The caller may push; whether each change is theirs to make is asked with it. */
static void known(struct step *step, const PGresult *rows)
{
    (void)rows;
    begin_next(step->user);
}

/* Only now: what was under way has borrowed from it until the request's own answer. */
static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct pushing *pushing = step->user;

    for (size_t i = 0; i < pushing->next; i++) {
        struct iqm_call *one = &pushing->items[i].call;
        if (one->release != NULL)
            one->release(one);
        json_decref(one->body);
        iqm_arena_free(one->arena);
    }
    iqm_buffer_free(&pushing->results);
    iqm_pg_batch_clear(&step->batch);
}

void iqm_op_push_changes(struct iqm_call *call)
{
    json_t *changes = json_object_get(call->body, "changes");
    struct pushing *pushing = iqm_arena_alloc(call->arena, sizeof *pushing);
    struct item *items = iqm_arena_array(call->arena, json_array_size(changes), sizeof *items);
    struct step *step = pushing != NULL && items != NULL ? step_new(call) : NULL;

    if (pushing == NULL || items == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    if (step == NULL)
        return;
    *pushing = (struct pushing){.step = step, .count = json_array_size(changes), .items = items};
    for (size_t i = 0; i < pushing->count; i++)
        items[i] = (struct item){.pushing = pushing, .asked = json_array_get(changes, i)};
    step->user = pushing;
    call->release = release;
    step_identify(step, known);
}
