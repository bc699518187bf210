/*
 * What goes through a session: batches out, results in, in order. Batches that begin by saying who
 * calls may share one Sync with their neighbours (a group), because each Sync costs a system call
 * and, for writes, a commit. A group is one transaction, so:
 *   - nothing of it is told before its Sync has come back: an answered write is committed;
 *   - when one batch fails, it is told so, and the others that fell with it run again, each alone.
 * No batch runs as the caller before it: only those that set the identity first may share.
 */
#include "session.h"

#include "iqm/ids.h"
#include "iqm/log.h"

#include <stdlib.h>
#include <string.h>

void session_forget_names(struct iqm_pg_session *session)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        free(session->names[i].name);
        session->names[i].name = NULL;
    }
    session->name_count = 0;
}

static void push(struct iqm_pg_session *session, struct iqm_pg_batch *batch, unsigned expected)
{
    batch->next = NULL;
    batch->expected = expected;
    batch->seen = 0;
    batch->ends_group = true;
    batch->deadline = iqm_clock_ms() + session->timeout_ms;
    if (session->tail != NULL)
        session->tail->next = batch;
    else
        session->head = batch;
    session->tail = batch;
}

static struct iqm_pg_batch *pop(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *batch = session->head;

    session->head = batch->next;
    if (session->head == NULL)
        session->tail = NULL;
    batch->next = NULL;
    return batch;
}

/* ---- sending ---- */

static size_t name_slot(const struct iqm_pg_session *session, const char *name)
{
    size_t hash = 5381;

    for (const char *p = name; *p != '\0'; p++)
        hash = hash * 33 + (unsigned char)*p;
    size_t slot = hash % NAMES_MAX;
    while (session->names[slot].name != NULL && strcmp(session->names[slot].name, name) != 0)
        slot = (slot + 1) % NAMES_MAX;
    return slot;
}

static bool end_group(struct iqm_pg_session *session)
{
    if (!session->group_open)
        return true;
    session->group_open = false;
    session->tail->ends_group = true;
    return PQpipelineSync(session->conn) == 1;
}

/* A preparation on its way. */
struct preparation {
    struct iqm_pg_batch batch;
    struct iqm_pg_session *session;
    size_t slot;
};

/* One that failed (a lock, a time-out) is tried again at the statement's next use. */
static void prepared(struct iqm_pg_batch *batch)
{
    struct preparation *preparation = (struct preparation *)batch;

    if (batch->error != 0 && batch->error != IQM_EPGLOST)
        preparation->session->names[preparation->slot].prepared = false;
    iqm_pg_batch_clear(batch);
    free(preparation);
}

static int send_preparation(
    struct iqm_pg_session *session, const struct iqm_pg_query *query, size_t slot)
{
    struct preparation *preparation = calloc(1, sizeof *preparation);

    if (preparation == NULL || !end_group(session) ||
        PQsendPrepare(session->conn, query->name, query->sql, 0, NULL) != 1 ||
        PQpipelineSync(session->conn) != 1) {
        free(preparation);
        return IQM_EPGLOST;
    }
    preparation->session = session;
    preparation->slot = slot;
    preparation->batch.done = prepared;
    push(session, &preparation->batch, 1);
    session->names[slot].prepared = true;
    return 0;
}

/* A statement is prepared in a group of its own: a batch before it that fails cannot undo it. */
static int prepare(struct iqm_pg_session *session, const struct iqm_pg_query *query)
{
    size_t slot = query->name != NULL ? name_slot(session, query->name) : NAMES_MAX;

    if (slot == NAMES_MAX)
        return 0;
    if (session->names[slot].name == NULL) {
        if (session->name_count >= NAMES_MAX / 2)
            return IQM_ELIMIT;
        session->names[slot].name = strdup(query->name);
        session->names[slot].prepared = false;
        if (session->names[slot].name == NULL)
            return IQM_EPGLOST;
        session->name_count++;
    }
    return session->names[slot].prepared ? 0 : send_preparation(session, query, slot);
}

/* Not one without a name, nor one that there was no room to remember. */
static bool is_prepared(const struct iqm_pg_session *session, const struct iqm_pg_query *query)
{
    return query->name != NULL && session->names[name_slot(session, query->name)].name != NULL;
}

static int send_query(struct iqm_pg_session *session, const struct iqm_pg_query *query)
{
    const char *values[IQM_PG_PARAMETERS_MAX];
    int lengths[IQM_PG_PARAMETERS_MAX];
    int formats[IQM_PG_PARAMETERS_MAX];
    int count = (int)query->value_count;

    for (unsigned i = 0; i < query->value_count; i++) {
        values[i] = query->values[i].text;
        lengths[i] = query->values[i].length;
        formats[i] = query->values[i].binary ? 1 : 0;
    }
    if (!is_prepared(session, query))
        return PQsendQueryParams(session->conn, query->sql, count, NULL, values, lengths, formats,
            query->binary ? 1 : 0);
    return PQsendQueryPrepared(
        session->conn, query->name, count, values, lengths, formats, query->binary ? 1 : 0);
}

static bool send_batch(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    bool sent = true;

    for (unsigned i = 0; i < batch->query_count && sent; i++)
        sent = prepare(session, &batch->queries[i]) != IQM_EPGLOST;
    if (!batch->together)
        sent = end_group(session) && sent;
    push(session, batch, batch->query_count);
    for (unsigned i = 0; i < batch->query_count && sent; i++)
        sent = send_query(session, &batch->queries[i]) == 1;
    if (batch->together) {
        session->group_open = true;
        batch->ends_group = false;
        return sent;
    }
    return sent && PQpipelineSync(session->conn) == 1;
}

void session_send(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    bool sent = send_batch(session, batch);

    pool_counters(session->pg)->batches++;
    session->dirty = true;
    /* Losing it here would call `done` inside the caller's own call: the timer does it instead. */
    session->failed = session->failed || !sent;
    session_socket_is_gone(session);
}

void session_flush(struct iqm_pg_session *session)
{
    if (session->state != SESSION_READY || !session->dirty)
        return;
    int left = end_group(session) ? PQflush(session->conn) : -1;
    if (left < 0) {
        session_lose(session);
        return;
    }
    session->dirty = left > 0;
    session_watch(session, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* ---- results ---- */

static void take_result(struct iqm_pg_batch *batch, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (batch->result_count < IQM_PG_BATCH_MAX) {
            batch->results[batch->result_count++] = result;
            return;
        }
    } else if (status == PGRES_FATAL_ERROR && batch->failure == NULL) {
        batch->failure = result;
        batch->error = IQM_EPG;
        return;
    }
    PQclear(result);
}

/* The batch of the group under way that still waits for results; its last one when none does: then
 * it is the commit that speaks. */
static struct iqm_pg_batch *receiving(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *batch = session->head;

    while (batch->seen >= batch->expected && !batch->ends_group && batch->next != NULL)
        batch = batch->next;
    return batch;
}

/* Values that do not fit, row-level security (42501), and what our own functions refuse. */
static bool is_refusal(const char *state)
{
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
           strcmp(state, "42501") == 0 || strncmp(state, "IQ4", 3) == 0;
}

/* For the operator: what no client's input explains. The message stays in the database's log. */
static void log_failure(const struct iqm_pg_batch *batch)
{
    const char *state = iqm_pg_sqlstate(batch);
    struct iqm_log_line line;

    if (*state == '\0' || is_refusal(state))
        return;
    iqm_log_begin(&line, IQM_LOG_ERROR, "statement_failed");
    iqm_log_string(&line, "sqlstate", state);
    if (batch->result_count < batch->query_count)
        iqm_log_string(&line, "statement", batch->queries[batch->result_count].name);
    iqm_log_end(&line);
}

static void finish(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    if (batch->error != 0) {
        pool_counters(session->pg)->failures++;
        log_failure(batch);
    }
    batch->done(batch);
}

static void run_alone(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    unsigned count = batch->query_count;

    iqm_pg_batch_clear(batch);
    batch->query_count = count;
    batch->together = false;
    session_send(session, batch);
}

/* Whether the group at the head has a batch that failed. */
static bool group_failed(const struct iqm_pg_session *session)
{
    const struct iqm_pg_batch *batch = session->head;

    while (batch->error == 0 && !batch->ends_group)
        batch = batch->next;
    return batch->error != 0;
}

/* The Sync is back: the group is committed, or rolled back as a whole. */
static void settle(struct iqm_pg_session *session)
{
    bool failed = group_failed(session);
    bool shared = !session->head->ends_group;
    bool more = true;

    while (more && session->state == SESSION_READY) {
        struct iqm_pg_batch *batch = pop(session);
        more = !batch->ends_group;
        /* An error after the last result is the commit's: nobody's in particular. */
        bool own = batch->error != 0 && !(shared && batch->seen > batch->expected);
        if (failed && !own)
            run_alone(session, batch);
        else
            finish(session, batch);
    }
    if (session->head == NULL && session->state == SESSION_READY)
        pool_session_idle(session);
}

/* libpq puts a NULL between statements. */
void session_read(struct iqm_pg_session *session)
{
    unsigned nulls = 0;

    while (session->state == SESSION_READY && session->head != NULL && !PQisBusy(session->conn)) {
        PGresult *result = PQgetResult(session->conn);
        if (result == NULL) {
            if (++nulls > 1)
                return;
            continue;
        }
        nulls = 0;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            settle(session);
        } else {
            struct iqm_pg_batch *batch = receiving(session);
            batch->seen++;
            take_result(batch, result);
        }
    }
}
