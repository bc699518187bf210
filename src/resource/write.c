/*
 * Changes:
 *   create            [identify, insert]
 *   create + context  [identify, context] → rules → [identify, insert]
 *   create, sealed    [identify] → key → [identify, insert]
 *   put, patch        [begin, identify, lock] → merge → [context] → rules →
 *                     [narrow, update, commit]
 *   transition        as patch; with a statement of its own [update] → [statement, commit]
 *   delete            [begin, identify, lock] → [delete, commit]
 * Creations are whole in one batch and may share a commit. What a creation's rules look up is read
 * before it, in a snapshot of its own: what must hold against other writers belongs in a
 * constraint. The others borrow a session and give it back, rolled back if need be, before the call
 * is answered. With an Idempotency-Key, identify also claims it, and a statement beside the change
 * keeps the answer. Members that only some roles may set narrow the roles that the change is made
 * with to those: the policies then say whether the row is theirs (writers.h).
 */
#include "write.h"

#include "context.h"
#include "contract_tables.h"
#include "document.h"
#include "iqm/auth.h"
#include "iqm/idempotency.h"
#include "iqm/ids.h"
#include "sealed.h"
#include "transition.h"
#include "writers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void release(struct iqm_call *call)
{
    struct writing *writing = call->state;

    iqm_pg_batch_clear(&writing->batch);
    json_decref(writing->before);
    json_decref(writing->wanted);
    json_decref(writing->document);
    json_decref(writing->mail_parameters);
    free(writing->text);
}

static bool set_text(struct writing *writing)
{
    int64_t version = json_integer_value(json_object_get(writing->document, "version"));

    if (writing->resource->rules != NULL &&
        iqm_resource_order(writing->call->contract, writing->resource, writing->document) != 0)
        return false;
    writing->text = json_dumps(writing->document, JSON_COMPACT);
    if (writing->text == NULL)
        return false;
    snprintf(writing->version, sizeof writing->version, "%" PRId64, version);
    writing->stored = writing->text;
    return true;
}

static void store_now(struct writing *writing)
{
    if (writing->kind == WRITING_CREATE)
        writing_insert(writing);
    else
        writing_update(writing);
}

/* Stores the document that was decided upon. */
static void store(struct writing *writing)
{
    if (writing->resource->subject != NULL)
        sealed_seal(writing, store_now);
    else
        store_now(writing);
}

/* Whether one of the caller's roles may set all that the change sets. Fails the call otherwise. */
static bool may_set(struct writing *writing)
{
    struct iqm_call *call = writing->call;

    if (writing->before == NULL || writing->kind == WRITING_TRANSITION)
        return true;
    call->may =
        writers_of(call, writing->resource, call->roles, writing->before, writing->document);
    if (call->may == NULL) {
        writing_fail_with(writing, IQM_PROBLEM_INTERNAL_ERROR);
        return false;
    }
    writing->narrows = strcmp(call->may, call->roles) != 0;
    if (strcmp(call->may, "{}") != 0)
        return true;
    call->denied = true;
    writers_refuse(call, writing->resource, call->roles, writing->before, writing->document);
    writing_fail(writing);
    return false;
}

/* What the resource's rules see. */
static struct iqm_rules rules_of(const struct writing *writing, const char *context)
{
    bool steps = writing->kind == WRITING_TRANSITION;

    return (struct iqm_rules){.before = writing->before,
        .document = writing->document,
        .context = context,
        .today = writing->today,
        .transition = steps ? writing->call->operation->transition->name : NULL,
        .happened_on = steps ? writing->happened_on : NULL,
        .request = steps ? writing->call->body : NULL};
}

/* Checks the whole and stores it; a change that changes nothing is answered as it is. */
static void check_and_store(struct writing *writing, const char *context)
{
    struct iqm_rules rules = rules_of(writing, context);
    bool unchanged = false;

    if (!may_set(writing))
        return;
    int error = document_check(writing->call, writing->resource, &rules);
    writing->mail_parameters = rules.mail_parameters;
    if (error != 0) {
        writing_fail(writing);
        return;
    }
    writing->effect = rules.effect;
    writing->mail = rules.mail;
    if (writing->before != NULL && document_same(writing->before, writing->document)) {
        json_decref(writing->document);
        writing->document = json_incref(writing->before);
        unchanged = true;
    }
    if (!set_text(writing))
        writing_fail_with(writing, IQM_PROBLEM_INTERNAL_ERROR);
    else if (unchanged)
        writing_leave(writing);
    else
        store(writing);
}

static void context_read(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (!writing_went_well(writing, -1))
        return;
    check_and_store(writing, context_text(writing, batch->results[0]));
}

/* What a patch leaves must hold to the contract as it is: members the resource has not, too. */
static bool contract_holds(struct writing *writing, const json_t *document)
{
    struct iqm_call *call = writing->call;

    if (iqm_contract_validate(
            call->contract, writing->resource->schema, document, "", true, &call->problem) == 0)
        return true;
    writing_fail_with(writing, IQM_PROBLEM_VALIDATION_FAILED);
    return false;
}

static void decide(struct writing *writing)
{
    if (writing->kind == WRITING_PATCH && !contract_holds(writing, writing->wanted))
        return;
    writing->document = document_build(
        writing->call, writing->resource, writing->before, writing->wanted, writing->id);
    if (writing->document == NULL || context_take(writing) != 0) {
        writing_fail_with(writing, IQM_PROBLEM_INTERNAL_ERROR);
    } else if (!writing->asks) {
        check_and_store(writing, NULL);
    } else {
        iqm_pg_batch_clear(&writing->batch);
        context_add(writing);
        writing_run(writing, context_read);
    }
}

/* RFC 9110, 13.2.2: If-Match first, then If-None-Match where it is sent too. */
static bool precondition_holds(const struct iqm_call *call, const char *version)
{
    return iqm_etag_matches(call->if_match, version, false) &&
           (call->if_none_match.ptr == NULL ||
               !iqm_etag_matches(call->if_none_match, version, true));
}

static void seen(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (!writing_went_well(writing, -1))
        return;
    writing->call->denied = PQntuples(batch->results[0]) > 0;
    writing_fail_with(
        writing, writing->call->denied ? IQM_PROBLEM_RECORD_FORBIDDEN : IQM_PROBLEM_NOT_FOUND);
}

/* A row that one may see but not write is no secret: 403. Any other does not exist: 404. */
static void look_whether_seen(struct writing *writing)
{
    if (iqm_roles_have(writing->call->roles, "head_office")) {
        writing_fail_with(writing, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    iqm_pg_batch_clear(&writing->batch);
    writing_statement(writing, "see", "SELECT FROM %s WHERE id = $1::uuid", 1);
    writing_run(writing, seen);
}

/* What the client wants the record to be. 0 or IQM_EPROBLEM. */
static int want(struct writing *writing)
{
    struct iqm_call *call = writing->call;

    if (writing->kind == WRITING_TRANSITION) {
        int error = transition_check(call, writing->before, writing->today, writing->happened_on);
        if (error != 0)
            return error;
        writing->wanted = transition_document(call, writing->before, writing->happened_on);
    } else if (writing->kind == WRITING_PATCH) {
        writing->wanted = iqm_merge_patch(writing->before, call->body);
    } else {
        writing->wanted = json_incref(call->body);
    }
    if (writing->wanted == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (writing->kind == WRITING_TRANSITION)
        return 0;
    return document_check_read_only(
        call, writing->resource, writing->before, call->body, writing->id);
}

/* What the record is now is known: what does the client want it to be? */
static void take_before(struct writing *writing, struct iqm_slice text)
{
    writing->before = json_loadb(text.ptr, text.len, 0, NULL);
    if (writing->before == NULL)
        writing_fail_with(writing, IQM_PROBLEM_INTERNAL_ERROR);
    else if (want(writing) != 0)
        writing_fail(writing);
    else
        decide(writing);
}

/* The row is locked: does the client know its version, and what does it want it to be? */
static void locked(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;
    struct iqm_call *call = writing->call;

    if (!writing_went_well(writing, 1))
        return;
    PGresult *row = batch->results[2];
    if (PQntuples(row) == 0) {
        look_whether_seen(writing);
        return;
    }
    if (!precondition_holds(call, PQgetvalue(row, 0, 0))) {
        writing_fail_with(writing, IQM_PROBLEM_PRECONDITION_FAILED);
        return;
    }
    if (writing->kind == WRITING_DELETE) {
        writing_remove(writing);
        return;
    }
    struct iqm_slice stored = iqm_pg_slice(row, 0, 1);
    if (writing->resource->subject == NULL)
        take_before(writing, stored);
    else
        sealed_open(writing, stored, take_before);
}

static void created_context_read(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (!writing_went_well(writing, 0))
        return;
    check_and_store(writing, context_text(writing, batch->results[1]));
}

/* Nobody makes keys but who may make the record. */
static void created_caller_known(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (writing_went_well(writing, 0))
        store(writing);
}

/* Creating: everything that needs no row has been checked by now. */
static void create_begin(struct writing *writing)
{
    if (!writing->asks && writing->resource->subject == NULL) {
        store(writing);
        return;
    }
    if (!writing_identify(writing))
        return;
    if (writing->asks)
        context_add(writing);
    iqm_idempotency_check(writing->call, &writing->batch);
    writing->batch.done = writing->asks ? created_context_read : created_caller_known;
    writing->batch.user = writing;
    iqm_pg_read(writing->call->pg, &writing->batch);
}

static void change_granted(struct writing *writing)
{
    iqm_pg_batch_add(&writing->batch, "begin", "BEGIN", NULL, 0);
    if (!writing_identify(writing))
        return;
    writing->values[0].text = writing->id;
    if (writing->kind == WRITING_DELETE)
        writing_statement(writing, "lock_to_delete",
            "SELECT version, doc FROM %s WHERE id = $1::uuid FOR UPDATE", 1);
    else /* leaves alone who refers to the record meanwhile */
        writing_statement(writing, "lock",
            "SELECT version, doc FROM %s WHERE id = $1::uuid FOR NO KEY UPDATE", 1);
    writing_run(writing, locked);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct writing *writing = borrower->user;

    writing->session = session;
    if (error != 0)
        writing_fail_with(writing, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else
        change_granted(writing);
}

/* What a creation can be told without a row. 0 or IQM_EPROBLEM. */
static int prepare_creation(struct writing *writing)
{
    struct iqm_call *call = writing->call;

    if (document_check_read_only(call, writing->resource, NULL, call->body, writing->id) != 0)
        return IQM_EPROBLEM;
    const char *may = writers_of(call, writing->resource, call->operation->roles, NULL, call->body);
    if (may == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    call->may = may != call->operation->roles ? may : NULL;
    writing->document = document_build(call, writing->resource, NULL, call->body, writing->id);
    if (writing->document == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (context_take(writing) != 0)
        return IQM_EPROBLEM;
    if (writing->asks)
        return 0; /* the rules wait for what they want to see */
    struct iqm_rules rules = rules_of(writing, NULL);
    int error = document_check(call, writing->resource, &rules);
    if (error == 0 && !set_text(writing))
        error = iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    return error;
}

void writing_begin(struct iqm_call *call, enum writing_kind kind, const char *id)
{
    struct writing *writing = iqm_arena_alloc(call->arena, sizeof *writing);

    if (writing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    writing->call = call;
    writing->resource = call->operation->resource;
    writing->kind = kind;
    iqm_calendar_day(time(NULL), writing->today);
    writing->chosen = id != NULL;
    if (id != NULL)
        snprintf(writing->id_text, sizeof writing->id_text, "%s", id);
    else
        iqm_uuid7(writing->id_text);
    writing->id = writing->id_text;
    call->state = writing;
    call->release = release;
    if (kind == WRITING_CREATE) {
        if (prepare_creation(writing) != 0)
            iqm_auth_refuse(call);
        else
            create_begin(writing);
        return;
    }
    writing->borrower.granted = granted;
    writing->borrower.user = writing;
    iqm_pg_borrow(call->pg, &writing->borrower);
}
