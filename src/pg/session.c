/*
 * One connection to PostgreSQL in pipeline mode: connects, sends batches, hands out results, and
 * connects again when it is lost. Decides nothing about which batch goes where.
 */
#include "session.h"

#include "iqm/ids.h"
#include "iqm/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 800
/* A statement has its own timeout in the server; this much later the connection itself is at fault.
 */
#define OVERDUE_GRACE_MS 1000

static void session_connect(struct iqm_pg_session *session);
static void on_socket(uv_poll_t *poll, int status, int events);

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void stop_polling(struct iqm_pg_session *session)
{
    if (session->poll == NULL)
        return;
    uv_poll_stop(session->poll);
    uv_close((uv_handle_t *)session->poll, free_handle);
    session->poll = NULL;
    session->events = 0;
}

/*
 * libpq closes its socket itself when it meets an error. The loop must hear of that before it waits
 * again: a descriptor that is gone, or has become another's, is not to be watched. What the loss
 * means for the batches is told later, from the timer.
 */
static bool socket_is_gone(struct iqm_pg_session *session)
{
    if (session->conn != NULL && PQsocket(session->conn) == session->socket)
        return false;
    stop_polling(session);
    return true;
}

static void watch(struct iqm_pg_session *session, int events)
{
    if (session->poll == NULL || socket_is_gone(session) || session->events == events)
        return;
    session->events = events;
    uv_poll_start(session->poll, events, on_socket);
}

static void forget_names(struct iqm_pg_session *session)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        free(session->names[i].name);
        session->names[i].name = NULL;
    }
    session->name_count = 0;
}

static void on_retry(uv_timer_t *timer)
{
    session_connect(timer->data);
}

/* Waits longer after each failure, and never as long as another session does. */
static void retry_later(struct iqm_pg_session *session)
{
    unsigned shift = session->attempts < 4 ? session->attempts : 4;
    uint64_t wait = (uint64_t)BACKOFF_FIRST_MS << shift;

    if (wait > BACKOFF_LAST_MS)
        wait = BACKOFF_LAST_MS;
    wait = wait / 2 + randombytes_uniform((uint32_t)wait);
    session->attempts++;
    uv_timer_start(&session->retry, on_retry, wait, 0);
}

static void lose(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *orphans = session->head;
    bool was_ready = session->state == SESSION_READY;

    if (session->state == SESSION_DOWN || session->state == SESSION_CLOSED)
        return;
    stop_polling(session);
    PQfinish(session->conn);
    session->conn = NULL;
    session->state = SESSION_DOWN;
    session->broken = session->lent;
    session->head = session->tail = NULL;
    session->failed = false;
    session->dirty = false;
    forget_names(session);
    if (was_ready)
        iqm_log_event(IQM_LOG_ERROR, "database_lost", "use", session->reads ? "read" : "write");
    retry_later(session);
    pool_session_lost(session, orphans);
}

/* Every session is set up by its start-up packet, so that no round trip is needed. */
static PGconn *start_connection(const struct iqm_pg_session *session)
{
    const struct iqm_pg_options *options = pool_options(session->pg);
    char settings[512];

    snprintf(settings, sizeof settings,
        "-c role=%s -c search_path=public -c statement_timeout=%u -c lock_timeout=%u "
        "-c idle_in_transaction_session_timeout=%u -c default_transaction_read_only=%s "
        "-c TimeZone=UTC -c DateStyle=ISO -c client_encoding=UTF8 -c jit=off",
        options->role, options->timeout_ms, options->timeout_ms / 2, options->timeout_ms * 2,
        session->reads ? "on" : "off");
    const char *keywords[] = {"dbname", "options", "application_name", "fallback_application_name",
        "tcp_user_timeout", "target_session_attrs", NULL};
    const char *values[] = {options->url, settings, session->reads ? "iqmd read" : "iqmd write",
        "iqmd", "5000", session->reads ? "any" : "read-write", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static void become_ready(struct iqm_pg_session *session)
{
    if (PQsetnonblocking(session->conn, 1) != 0 || PQenterPipelineMode(session->conn) != 1) {
        lose(session);
        return;
    }
    session->state = SESSION_READY;
    session->attempts = 0;
    watch(session, UV_READABLE);
    pool_session_ready(session);
}

static int poll_socket(struct iqm_pg_session *session, int events)
{
    session->socket = PQsocket(session->conn);
    if (session->socket < 0)
        return IQM_EIO;
    session->poll = calloc(1, sizeof *session->poll);
    if (session->poll == NULL)
        return IQM_ENOMEM;
    if (uv_poll_init(pool_loop(session->pg), session->poll, session->socket) != 0) {
        free(session->poll);
        session->poll = NULL;
        return IQM_EIO;
    }
    session->poll->data = session;
    watch(session, events);
    return 0;
}

/* While connecting the socket may become another one, even under the same number: each step gets a
 * handle of its own. */
static void go_on_connecting(struct iqm_pg_session *session)
{
    stop_polling(session);
    PostgresPollingStatusType status = PQconnectPoll(session->conn);
    int events = status == PGRES_POLLING_WRITING ? UV_WRITABLE : UV_READABLE;

    if (status == PGRES_POLLING_FAILED || poll_socket(session, events) != 0)
        lose(session);
    else if (status == PGRES_POLLING_OK)
        become_ready(session);
}

/* The database's own log has them; ours is JSON. */
static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

static void session_connect(struct iqm_pg_session *session)
{
    if (session->state == SESSION_CLOSED)
        return;
    session->conn = start_connection(session);
    session->state = SESSION_CONNECTING;
    session->connect_deadline = iqm_clock_ms() + CONNECT_TIMEOUT_MS;
    if (session->attempts > 0)
        pool_counters(session->pg)->reconnects++;
    if (session->conn == NULL || PQstatus(session->conn) == CONNECTION_BAD) {
        lose(session);
        return;
    }
    PQsetNoticeProcessor(session->conn, ignore_notice, NULL);
    if (poll_socket(session, UV_WRITABLE) != 0)
        lose(session);
}

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

/* For the operator: what no client's input explains. The message stays in the database's log. */
static void log_failure(const struct iqm_pg_batch *batch)
{
    const char *state = iqm_pg_sqlstate(batch);
    struct iqm_log_line line;

    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || *state == '\0')
        return;
    iqm_log_begin(&line, IQM_LOG_ERROR, "statement_failed");
    iqm_log_string(&line, "sqlstate", state);
    if (batch->result_count < batch->query_count)
        iqm_log_string(&line, "statement", batch->queries[batch->result_count].name);
    iqm_log_end(&line);
}

static void finish_front(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *batch = session->head;

    session->head = batch->next;
    if (session->head == NULL)
        session->tail = NULL;
    batch->next = NULL;
    if (batch->error != 0) {
        pool_counters(session->pg)->failures++;
        log_failure(batch);
    }
    batch->done(batch);
}

/* Hands out all results that have arrived. libpq puts a NULL between statements. */
static void read_results(struct iqm_pg_session *session)
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
            finish_front(session);
        } else {
            take_result(session->head, result);
        }
    }
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct iqm_pg_session *session = poll->data;

    if (session->state == SESSION_CONNECTING) {
        go_on_connecting(session);
        return;
    }
    if (session->state != SESSION_READY)
        return;
    if (status < 0 || ((events & UV_READABLE) != 0 && PQconsumeInput(session->conn) != 1)) {
        lose(session);
        return;
    }
    read_results(session);
    if (session->state == SESSION_READY && (events & UV_WRITABLE) != 0)
        session_flush(session);
    if (session->state == SESSION_READY && PQstatus(session->conn) == CONNECTION_BAD)
        lose(session);
}

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

static void push(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    batch->next = NULL;
    if (session->tail != NULL)
        session->tail->next = batch;
    else
        session->head = batch;
    session->tail = batch;
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

    if (preparation == NULL ||
        PQsendPrepare(session->conn, query->name, query->sql, 0, NULL) != 1 ||
        PQpipelineSync(session->conn) != 1) {
        free(preparation);
        return IQM_EPGLOST;
    }
    preparation->session = session;
    preparation->slot = slot;
    preparation->batch.done = prepared;
    preparation->batch.deadline = iqm_clock_ms() + pool_options(session->pg)->timeout_ms;
    push(session, &preparation->batch);
    session->names[slot].prepared = true;
    return 0;
}

/* A statement is prepared in a segment of its own: a batch before it that fails cannot undo it. */
static int prepare(struct iqm_pg_session *session, const struct iqm_pg_query *query)
{
    size_t slot = name_slot(session, query->name);

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
    if (session->names[name_slot(session, query->name)].name == NULL) /* no room to remember it */
        return PQsendQueryParams(
            session->conn, query->sql, count, NULL, values, lengths, formats, 0);
    return PQsendQueryPrepared(session->conn, query->name, count, values, lengths, formats, 0);
}

void session_send(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    bool sent = true;

    for (unsigned i = 0; i < batch->query_count && sent; i++)
        sent = prepare(session, &batch->queries[i]) != IQM_EPGLOST;
    batch->deadline = iqm_clock_ms() + pool_options(session->pg)->timeout_ms;
    push(session, batch);
    for (unsigned i = 0; i < batch->query_count && sent; i++)
        sent = send_query(session, &batch->queries[i]) == 1;
    if (sent)
        sent = PQpipelineSync(session->conn) == 1;
    pool_counters(session->pg)->batches++;
    session->dirty = true;
    /* Losing it here would call `done` inside the caller's own call: the timer does it instead. */
    session->failed = session->failed || !sent;
    socket_is_gone(session);
}

void session_flush(struct iqm_pg_session *session)
{
    if (session->state != SESSION_READY || !session->dirty)
        return;
    int left = PQflush(session->conn);
    if (left < 0) {
        lose(session);
        return;
    }
    session->dirty = left > 0;
    watch(session, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

void session_check(struct iqm_pg_session *session, uint64_t now)
{
    bool overdue = session->state == SESSION_READY && session->head != NULL &&
                   now > session->head->deadline + OVERDUE_GRACE_MS;

    if (session->state == SESSION_READY &&
        (session->failed || socket_is_gone(session) || PQstatus(session->conn) == CONNECTION_BAD))
        overdue = true;
    if (session->state == SESSION_CONNECTING && now > session->connect_deadline)
        overdue = true;
    if (overdue)
        lose(session);
}

void session_start(struct iqm_pg_session *session, struct iqm_pg *pg, bool reads)
{
    session->pg = pg;
    session->reads = reads;
    uv_timer_init(pool_loop(pg), &session->retry);
    session->retry.data = session;
    session_connect(session);
}

void session_close(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *orphans = session->head;

    session->state = SESSION_CLOSED;
    stop_polling(session);
    if (session->conn != NULL)
        PQfinish(session->conn);
    session->conn = NULL;
    session->head = session->tail = NULL;
    forget_names(session);
    uv_close((uv_handle_t *)&session->retry, NULL);
    pool_session_lost(session, orphans);
}
