/*
 * Changes that were made offline, one after the other: each is the operation it would have been
 * online, with that operation's rights, rules and transaction, and is decided once however often it
 * is sent. What is wrong with one is nothing to the others, and there is an answer whatever they
 * hold; but behind one that only has to wait nothing is done, since it would be done before that.
 */
#include "contract_tables.h"
#include "iqm/buffer.h"
#include "programme/step.h"
#include "pushed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of an answer: from there on documents are left out. Those after the first come from pulls. */
#define DOCUMENTS_MAX ((size_t)8 * 1024 * 1024)

/* Of those behind one that is not decided. */
#define NOT_DECIDED_YET "A change before this one is not decided yet. Send both again."

struct pushing {
    struct step *step;
    size_t next, count;
    struct pushed *items;
    struct pushed *over; /* its end may still be on the stack; NULL: none */
    bool running, waits; /* items are being begun; one of them is under way */
    bool is_open;        /* one failed, perhaps each time: nothing behind it is refused for good */
    bool holds;          /* one is put off by what passes: nothing behind it is done */
    struct iqm_buffer results;
    struct iqm_slice versions[2]; /* stored: the record as it is, as it was */
    char status[12];
};

static void go_on(struct pushing *pushing);

static struct pushed *current(struct pushing *pushing)
{
    return &pushing->items[pushing->next - 1];
}

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

/* The same of a record, where there is room. */
static void add_record(struct pushing *pushing, const char *name, struct iqm_slice document)
{
    if (document.len < DOCUMENTS_MAX && pushing->results.length < DOCUMENTS_MAX - document.len)
        add_document(pushing, name, document);
}

static void open_result(struct pushed *item, const char *outcome)
{
    struct pushing *pushing = item->user;
    struct iqm_buffer *results = &pushing->results;

    iqm_buffer_text(results, pushing->next > 1 ? ",{\"client_id\":\"" : "{\"client_id\":\"");
    iqm_buffer_text(results, item->client_id);
    iqm_buffer_text(results, "\",\"outcome\":\"");
    iqm_buffer_text(results, outcome);
    iqm_buffer_text(results, "\"");
}

/*
 * What was under way may still use the item until it returns: one that is over before it has
 * returned is let go by who began it; any other once the next one is over, which the loop tells.
 */
static void close_result(struct pushed *item)
{
    struct pushing *pushing = item->user;

    iqm_buffer_text(&pushing->results, "}");
    pushing->waits = false;
    if (pushing->running)
        return;
    if (pushing->over != NULL)
        pushed_let_go(pushing->over);
    pushing->over = item;
    go_on(pushing);
}

static void applied(struct pushed *item)
{
    open_result(item, "applied");
    if (!pushed_is(item, "delete") && item->part.status < 300)
        add_record(item->user, "document", item->part.body);
    close_result(item);
}

static void refused(struct pushed *item)
{
    open_result(item, "refused");
    add_document(item->user, "problem", item->part.body);
    close_result(item);
}

/* Another try may do it. What failed by itself, perhaps each time, holds up none of the others. */
static void note_undecided(struct pushing *pushing, const struct iqm_problem_type *type)
{
    if (type == IQM_PROBLEM_IDEMPOTENCY_KEY_IN_USE || type->status == 401 || type->status == 429 ||
        type->status == 503)
        pushing->holds = true;
    else if (type->status >= 500)
        pushing->is_open = true;
}

/* In the call's arena; `sentence` NULL takes the type's own. ptr NULL: there is no room. */
static struct iqm_slice problem_text(
    const struct iqm_call *call, const struct iqm_problem_type *type, const char *sentence)
{
    struct iqm_problem problem;
    size_t length = 0;

    iqm_problem_init(&problem, call->arena);
    iqm_problem_set(&problem, type, sentence != NULL ? "%s" : NULL, sentence);
    const char *text = iqm_problem_text(&problem, call->request_id, &length);
    return (struct iqm_slice){text, length};
}

/* It is to be sent again. */
static void put_off(struct pushed *item, const struct iqm_problem_type *type, const char *sentence)
{
    struct iqm_slice text = problem_text(&item->call, type, sentence);

    item->part.body = text.ptr != NULL ? text : item->part.body;
    refused(item);
}

/* The item could not be decided, or not be told: with the problem of the request's own step. Who
 * may not push at all any more hears that instead of results. */
static void step_failed(struct step *step)
{
    const struct iqm_problem_type *type = step->call->problem.type;

    step->failed = NULL;
    if (type == NULL || type->status == 401 || type->status == 403) {
        iqm_auth_fail(step->call);
        return;
    }
    iqm_problem_init(&step->call->problem, step->call->arena);
    note_undecided(step->user, type);
    put_off(current(step->user), type, NULL);
}

static void tell_conflict(struct step *step, const struct iqm_slice *documents)
{
    struct pushing *pushing = step->user;
    struct pushed *item = current(pushing);

    step->failed = NULL;
    open_result(item, "conflict");
    add_record(pushing, "current", documents[0]);
    add_record(pushing, "base", documents[1]);
    add_document(pushing, "problem", item->part.body);
    close_result(item);
}

static void versions_read(struct step *step, const PGresult *rows)
{
    struct pushing *pushing = step->user;

    for (int i = 0; i < 2; i++) {
        bool has = PQntuples(rows) == 1;
        pushing->versions[i] = has ? iqm_pg_slice(rows, 0, i) : (struct iqm_slice){NULL, 0};
    }
    if (strcmp(pushed_text(current(pushing), "type"), "person") == 0)
        step_open_people(step, pushing->versions, 2, tell_conflict);
    else
        tell_conflict(step, pushing->versions);
}

/* The record and the version that the change was made on, from the step's value `first` on. Read as
 * whoever may read it, online or by a pull, since by what the change was allowed it may not be by
 * what pushes are. */
static void ask_versions(struct pushed *item, unsigned first)
{
    struct pushing *pushing = item->user;
    struct step *step = pushing->step;
    const struct iqm_operation *reading = pushed_reading(item);
    const char *version = iqm_arena_printf(item->call.arena, "%" PRId64, pushed_base_version(item));
    const char *scopes = iqm_arena_printf(
        item->call.arena, "{sync:read,%s}", reading != NULL ? reading->scope : "sync:read");

    step->call->may = reading != NULL ? reading->roles : NULL;
    step->values[first] = (struct iqm_pg_value){.text = pushed_text(item, "type")};
    step->values[first + 1] = (struct iqm_pg_value){.text = pushed_text(item, "id")};
    step->values[first + 2] = (struct iqm_pg_value){.text = version};
    step->values[first + 3] = (struct iqm_pg_value){.text = scopes != NULL ? scopes : "{}"};
}

/* Told as one before: whatever became of the record since. */
static void conflicts_still(struct pushed *item)
{
    struct pushing *pushing = item->user;

    ask_versions(item, 0);
    pushing->step->failed = step_failed;
    step_change(pushing->step, IQM_STATEMENT_PUSH_CONFLICT, versions_read);
}

/* The status it has now, or had when it was decided. */
static unsigned status_of(const struct pushed *item)
{
    return item->once.answered != 0 ? item->once.answered : item->part.status;
}

static void tell(struct pushed *item)
{
    if (status_of(item) < 300)
        applied(item);
    else if (item->once.answered == 412 && item->once.located)
        conflicts_still(item);
    else
        refused(item);
}

/* ---- what was refused stays so ---- */

/* Whether the change is decided by that, and was not before. */
static bool is_decided(const struct pushed *item)
{
    const struct iqm_problem_type *type = item->call.problem.type;
    unsigned status = item->part.status;

    return item->once.answered == 0 && status >= 400 && status < 500 && status != 401 &&
           status != 429 && type != IQM_PROBLEM_IDEMPOTENCY_KEY_IN_USE &&
           type != IQM_PROBLEM_IDEMPOTENCY_KEY_REUSED;
}

static void kept(struct step *step, const PGresult *rows)
{
    (void)rows;
    step->failed = NULL;
    refused(current(step->user));
}

/* A record that the caller does not see makes no conflict. */
static void kept_conflict(struct step *step, const PGresult *rows)
{
    if (PQgetisnull(rows, 0, 0) == 1)
        kept(step, rows);
    else
        versions_read(step, rows);
}

/* Another one of the same client_id was decided in this moment; but whose role may not do it is
 * told that without looking, and so perhaps once more. */
static void not_kept(struct step *step)
{
    struct pushed *item = current(step->user);

    if (step->call->problem.type == IQM_PROBLEM_IDEMPOTENCY_KEY_IN_USE &&
        item->part.status == 403 && item->call.problem.type != IQM_PROBLEM_RECORD_FORBIDDEN) {
        iqm_problem_init(&step->call->problem, step->call->arena);
        kept(step, NULL);
    } else {
        step_failed(step);
    }
}

/* The problem names no values; of a person it may name members that are none. */
static void keep(struct pushed *item)
{
    struct pushing *pushing = item->user;
    struct step *step = pushing->step;
    const struct iqm_resource *resource = item->call.operation->resource;
    bool about_person = resource != NULL && resource->subject != NULL;
    bool meets_another = item->part.status == 412 && pushed_is_aimed(item);
    unsigned count = 3;

    snprintf(pushing->status, sizeof pushing->status, "%u", item->part.status);
    step->values[0] = iqm_idempotency_key(&item->call);
    step->values[1] = iqm_idempotency_fingerprint(&item->call);
    step->values[2].text = pushing->status;
    if (meets_another)
        step->values[count++].text = iqm_arena_printf(
            item->call.arena, "%s/%s", resource->collection, pushed_text(item, "id"));
    step->values[count++].text = item->part.body.ptr;
    step->values[count++].text = about_person ? pushed_text(item, "id") : NULL;
    step->failed = not_kept;
    step->call->may = NULL;
    if (meets_another) {
        ask_versions(item, count);
        step_change(step, IQM_STATEMENT_KEEP_CONFLICT, kept_conflict);
    } else {
        step_change(step, IQM_STATEMENT_KEEP_REFUSAL, kept);
    }
}

static void answered(struct iqm_call *call)
{
    struct pushed *item = (struct pushed *)call;
    struct pushing *pushing = item->user;

    if (call->problem.type != NULL && status_of(item) >= 400)
        note_undecided(pushing, call->problem.type);
    if (!is_decided(item))
        tell(item);
    else if (pushing->is_open)
        put_off(item, IQM_PROBLEM_SERVICE_UNAVAILABLE, NOT_DECIDED_YET);
    else
        keep(item);
}

/* ---- one after the other ---- */

/* Those that are not begun, as they may build on, or be in the way of, one that is put off. */
static void put_off_rest(struct pushing *pushing)
{
    if (pushing->next == pushing->count)
        return;
    struct iqm_slice text =
        problem_text(pushing->step->call, IQM_PROBLEM_SERVICE_UNAVAILABLE, NOT_DECIDED_YET);
    if (text.ptr == NULL)
        pushing->results.failed = true;
    while (pushing->next < pushing->count) {
        struct pushed *item = &pushing->items[pushing->next++];
        open_result(item, "refused");
        add_document(pushing, "problem", text);
        iqm_buffer_text(&pushing->results, "}");
    }
}

static void answer(struct pushing *pushing)
{
    struct iqm_buffer *results = &pushing->results;
    struct iqm_call *call = pushing->step->call;

    iqm_buffer_text(results, "]}");
    if (results->failed)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply(call, 200, "application/json", results->bytes, results->length);
}

static void go_on(struct pushing *pushing)
{
    pushing->running = true;
    while (!pushing->waits && !pushing->holds && pushing->next < pushing->count) {
        struct pushed *item = &pushing->items[pushing->next++];
        pushing->waits = true;
        if (pushed_begin(item, pushing->step->call, answered) != 0) {
            iqm_call_fail_with(pushing->step->call, IQM_PROBLEM_INTERNAL_ERROR);
            return;
        }
        if (!pushing->waits)
            pushed_let_go(item);
    }
    pushing->running = false;
    if (pushing->waits)
        return;
    put_off_rest(pushing);
    answer(pushing);
}

/* The caller may push; whether each change is theirs to make is asked with it. */
static void known(struct step *step, const PGresult *rows)
{
    struct pushing *pushing = step->user;

    (void)rows;
    iqm_buffer_text(&pushing->results, "{\"results\":[");
    go_on(pushing);
}

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct pushing *pushing = step->user;

    for (size_t i = 0; i < pushing->next; i++)
        pushed_let_go(&pushing->items[i]);
    iqm_buffer_free(&pushing->results);
    iqm_pg_batch_clear(&step->batch);
}

/* Each change by its client_id: without one, no result could name it. 0 or IQM_EPROBLEM. */
static int take_items(struct pushing *pushing, struct iqm_call *call)
{
    for (size_t i = 0; i < pushing->count; i++) {
        struct iqm_slice text = call->apart.items[i];
        pushing->items[i] = (struct pushed){
            .text = text, .client_id = pushed_client_id(call->arena, text), .user = pushing};
        if (pushing->items[i].client_id == NULL)
            iqm_problem_at(&call->problem,
                iqm_arena_printf(call->arena, "/changes/%zu/client_id", i),
                "must be a UUID in lower-case hexadecimal, for the result to be told by");
    }
    return call->problem.violation_count == 0
               ? 0
               : iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

void iqm_op_push_changes(struct iqm_call *call)
{
    struct pushing *pushing = iqm_arena_alloc(call->arena, sizeof *pushing);
    struct pushed *items = iqm_arena_array(call->arena, call->apart.count, sizeof *items);

    if (pushing == NULL || items == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    *pushing = (struct pushing){.count = call->apart.count, .items = items};
    if (take_items(pushing, call) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    pushing->step = step_new(call);
    if (pushing->step == NULL)
        return;
    pushing->step->user = pushing;
    call->release = release;
    step_identify(pushing->step, known);
}
