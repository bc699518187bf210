/*
 * The statements of a change and what comes of them: an insert of one batch, an update or a
 * deletion in the session that was lent, a step's own statement after the update, and the answer.
 */
#include "write.h"

#include "contract_tables.h"
#include "document.h"
#include "iqm/auth.h"
#include "iqm/idempotency.h"
#include "writers.h"

#include <stdio.h>
#include <string.h>

static void give_back(struct writing *writing)
{
    if (writing->session != NULL)
        iqm_pg_release(writing->session);
    writing->session = NULL;
}

void writing_fail(struct writing *writing)
{
    give_back(writing);
    iqm_auth_fail(writing->call);
}

void writing_fail_with(struct writing *writing, const struct iqm_problem_type *type)
{
    iqm_problem_set(&writing->call->problem, type, NULL);
    writing_fail(writing);
}

void writing_statement(
    struct writing *writing, const char *verb, const char *form, unsigned value_count)
{
    struct statement_text *text = &writing->texts[writing->batch.query_count];
    const char *table = writing->resource->name;

    snprintf(text->name, sizeof text->name, "%s_%s", verb, table);
    snprintf(text->sql, sizeof text->sql, form, table);
    iqm_pg_batch_add(&writing->batch, text->name, text->sql, writing->values, value_count);
}

void writing_run(struct writing *writing, void (*done)(struct iqm_pg_batch *batch))
{
    writing->batch.done = done;
    writing->batch.user = writing;
    iqm_pg_run(writing->session, &writing->batch);
}

static const char *location_of(const struct writing *writing)
{
    return iqm_arena_printf(
        writing->call->arena, "%s/%s", writing->resource->collection, writing->id);
}

/* Where the change is to be made once: what it is answered with, from what is stored. */
static void keep_answer(struct writing *writing)
{
    bool creates = writing->kind == WRITING_CREATE;
    const char *version = creates ? "1" : writing->version;

    if (writing->call->idempotency == NULL)
        return;
    if (writing->kind == WRITING_DELETE) {
        iqm_idempotency_keep(
            writing->call, &writing->batch, &(struct iqm_answer){.status = 204, .body = "{}"});
        return;
    }
    iqm_idempotency_keep(writing->call, &writing->batch,
        &(struct iqm_answer){.status = creates ? 201 : 200,
            .location = creates ? location_of(writing) : NULL,
            .etag = version,
            .resource = writing->resource->name,
            .id = writing->id,
            .version = version,
            .person = writing->resource->subject != NULL ? writing->sealing.person : NULL});
}

static void answer_created(struct writing *writing)
{
    struct iqm_call *call = writing->call;

    iqm_call_header(call, "Location", location_of(writing));
    iqm_call_etag(call, "1");
    iqm_call_reply(call, 201, "application/json", writing->text, strlen(writing->text));
}

void writing_answer(struct writing *writing)
{
    struct iqm_call *call = writing->call;

    give_back(writing);
    if (writing->kind == WRITING_DELETE) {
        iqm_call_reply(call, 204, NULL, "", 0);
    } else if (writing->kind == WRITING_CREATE) {
        answer_created(writing);
    } else {
        iqm_call_etag(call, writing->version);
        iqm_call_reply(call, 200, "application/json", writing->text, strlen(writing->text));
    }
}

bool writing_went_well(struct writing *writing, int identity)
{
    struct iqm_call *call = writing->call;
    struct iqm_pg_batch *batch = &writing->batch;
    int error = 0;

    if (identity >= 0 && batch->result_count > (unsigned)identity)
        error = iqm_auth_verdict(call, batch->results[identity]);
    if (error != 0 && call->problem.type == IQM_PROBLEM_MEMBER_FORBIDDEN)
        writers_refuse(call, writing->resource, call->roles, NULL, call->body);
    if (error == 0 && batch->error != 0)
        error =
            iqm_resource_failure(call, writing->resource, batch, writing->kind == WRITING_DELETE);
    if (call->problem.type == IQM_PROBLEM_RECORD_FORBIDDEN)
        document_point_at_references(call, writing->resource, writing->before, writing->document);
    if (error != 0)
        writing_fail(writing);
    return error == 0;
}

/* The statement of a step beside the update, which asks for nothing that could be the caller's not
 * to see: the update went through before it. */
static const struct iqm_statement *effect_of(const struct writing *writing)
{
    return writing->kind == WRITING_TRANSITION ? writing->call->operation->statement : NULL;
}

static void followed(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (writing_went_well(writing, -1))
        writing_answer(writing);
}

/* Whether the change is committed by itself: nothing waits to see that it was made. */
static bool is_whole(const struct writing *writing)
{
    return effect_of(writing) == NULL && writing->call->idempotency == NULL;
}

/* Its parameters are `effect` and members of the document, by name. */
static void add_effect(struct writing *writing, const struct iqm_statement *statement)
{
    struct iqm_pg_value *values = writing->context_values;

    for (uint16_t i = 0; i < statement->parameter_count; i++) {
        const char *name = statement->parameters[i];
        values[i].text =
            strcmp(name, "effect") == 0 ? writing->effect : iqm_rules_text(writing->document, name);
    }
    iqm_pg_batch_add(
        &writing->batch, statement->name, statement->sql, values, statement->parameter_count);
}

/* After the change, which was made: the step's own statement, the answer that is kept, the end. */
static void follow(struct writing *writing)
{
    iqm_pg_batch_clear(&writing->batch);
    if (effect_of(writing) != NULL)
        add_effect(writing, effect_of(writing));
    keep_answer(writing);
    iqm_pg_batch_add(&writing->batch, "commit", "COMMIT", NULL, 0);
    writing_run(writing, followed);
}

/* A policy that says no to a change changes no row and tells no error. */
static void stored(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (!writing_went_well(writing, -1))
        return;
    if (strcmp(PQcmdTuples(batch->results[writing->narrows ? 1 : 0]), "1") == 0) {
        if (is_whole(writing))
            writing_answer(writing);
        else
            follow(writing);
        return;
    }
    writing->call->denied = true;
    if (writing->narrows)
        writers_refuse(writing->call, writing->resource, writing->call->roles, writing->before,
            writing->document);
    else
        iqm_problem_set(&writing->call->problem, IQM_PROBLEM_RECORD_FORBIDDEN, NULL);
    writing_fail(writing);
}

static void created(struct iqm_pg_batch *batch)
{
    struct writing *writing = batch->user;

    if (writing_went_well(writing, 0))
        writing_answer(writing);
}

static void bind_stored(struct writing *writing)
{
    writing->values[0].text = writing->id;
    writing->values[1].text = writing->stored;
    writing->values[2].text = writing->version;
}

/* An id that a client chose may have been another record's, whose versions and ETags are taken. */
static void add_insert(struct writing *writing)
{
    if (writing->chosen)
        writing_statement(writing, "insert_chosen",
            "INSERT INTO %1$s (id, version, doc, written_by) SELECT $1::uuid, 1, $2::json, "
            "nullif(current_setting('iqm.actor', true), '')::uuid "
            "WHERE id_is_new('%1$s', $1::uuid)",
            2);
    else
        writing_statement(writing, "insert",
            "INSERT INTO %s (id, version, doc, written_by) VALUES ($1::uuid, 1, $2::json, "
            "nullif(current_setting('iqm.actor', true), '')::uuid)",
            2);
}

/* Only where the record has become what it was to be. */
static void add_mail(struct writing *writing)
{
    struct statement_text *text = &writing->texts[writing->batch.query_count];
    struct iqm_pg_value *values = writing->mail_values;

    if (writing->mail_body == NULL)
        return;
    values[0].text = writing->id;
    values[1].text = writing->version;
    values[2].text = writing->sealing.person;
    values[3].text = writing->mail;
    values[4].text = writing->mail_body;
    snprintf(text->name, sizeof text->name, "tell_of_%s", writing->resource->name);
    snprintf(text->sql, sizeof text->sql,
        "SELECT tell_person($3::uuid, $4, $5) FROM %s WHERE id = $1::uuid AND version = $2::bigint",
        writing->resource->name);
    iqm_pg_batch_add(&writing->batch, text->name, text->sql, values, 5);
}

bool writing_identify(struct writing *writing)
{
    if (iqm_auth_identify_change(writing->call, &writing->batch) == 0)
        return true;
    writing_fail(writing);
    return false;
}

void writing_insert(struct writing *writing)
{
    iqm_pg_batch_clear(&writing->batch);
    if (!writing_identify(writing))
        return;
    bind_stored(writing);
    add_insert(writing);
    add_mail(writing);
    keep_answer(writing);
    writing->batch.done = created;
    writing->batch.user = writing;
    iqm_pg_write(writing->call->pg, &writing->batch);
}

void writing_update(struct writing *writing)
{
    iqm_pg_batch_clear(&writing->batch);
    if (writing->narrows) {
        writing->narrow_value.text = writing->call->may;
        iqm_pg_batch_add(&writing->batch, "narrow", "SELECT set_config('iqm.roles', $1, true)",
            &writing->narrow_value, 1);
    }
    bind_stored(writing);
    writing_statement(writing, "update",
        "UPDATE %s SET doc = $2::json, version = $3::bigint, "
        "written_by = nullif(current_setting('iqm.actor', true), '')::uuid WHERE id = $1::uuid",
        3);
    add_mail(writing);
    if (is_whole(writing))
        iqm_pg_batch_add(&writing->batch, "commit", "COMMIT", NULL, 0);
    writing_run(writing, stored);
}

/* Of a change that changes nothing, only the answer may have to be kept. */
void writing_leave(struct writing *writing)
{
    if (writing->call->idempotency == NULL)
        writing_answer(writing);
    else
        follow(writing);
}

void writing_remove(struct writing *writing)
{
    iqm_pg_batch_clear(&writing->batch);
    writing->values[0].text = writing->id;
    writing_statement(writing, "delete", "DELETE FROM %s WHERE id = $1::uuid", 1);
    if (is_whole(writing))
        iqm_pg_batch_add(&writing->batch, "commit", "COMMIT", NULL, 0);
    writing_run(writing, stored);
}
