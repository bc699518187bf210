/*
 * The life of one connection to PostgreSQL: connects, watches its socket, notices when it is lost
 * and connects again. What goes through it is pipeline.c's.
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
bool session_socket_is_gone(struct iqm_pg_session *session)
{
    if (session->conn != NULL && PQsocket(session->conn) == session->socket)
        return false;
    stop_polling(session);
    return true;
}

void session_watch(struct iqm_pg_session *session, int events)
{
    if (session->poll == NULL || session_socket_is_gone(session) || session->events == events)
        return;
    session->events = events;
    uv_poll_start(session->poll, events, on_socket);
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

static const char *name_of(enum session_use use)
{
    static const char *const names[] = {"write", "read", "report", "stream", "feed"};

    return names[use];
}

void session_lose(struct iqm_pg_session *session)
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
    session->failed = session->group_open = false;
    session->dirty = false;
    session_forget_names(session);
    if (was_ready)
        iqm_log_event(IQM_LOG_ERROR, "database_lost", "use", name_of(session->use));
    retry_later(session);
    pool_session_lost(session, orphans);
}

/* Who waits for a row holds a session that others could use. Reports wait for each other. */
static unsigned lock_timeout(const struct iqm_pg_session *session)
{
    if (session->use == SESSION_REPORTS || session->use == SESSION_STREAMS)
        return session->timeout_ms;
    return session->timeout_ms / 5 < 1000 ? session->timeout_ms / 5 : 1000;
}

/* Every session is set up by its start-up packet, so that no round trip is needed. Statements are
 * planned once: those that look at years of records would take longer to plan than to run. A report
 * is planned for what it is asked, takes one processor, not several, and memory instead of files.
 */
static PGconn *start_connection(const struct iqm_pg_session *session)
{
    const struct iqm_pg_options *options = pool_options(session->pg);
    bool writes = session->use == SESSION_WRITES;
    char settings[512], name[40];

    snprintf(settings, sizeof settings,
        "-c role=%s -c search_path=public -c statement_timeout=%u -c lock_timeout=%u "
        "-c idle_in_transaction_session_timeout=%u -c default_transaction_read_only=%s "
        "-c TimeZone=UTC -c DateStyle=ISO -c client_encoding=UTF8 -c jit=off%s",
        options->role, session->timeout_ms, lock_timeout(session),
        session->use == SESSION_STREAMS ? IQM_PG_STREAM_IDLE_MS : session->timeout_ms * 2,
        writes ? "off" : "on",
        session->use == SESSION_REPORTS ? " -c max_parallel_workers_per_gather=0 -c work_mem=64MB"
                                        : " -c plan_cache_mode=force_generic_plan");
    snprintf(name, sizeof name, "%s %s", options->name, name_of(session->use));
    const char *keywords[] = {"dbname", "options", "application_name", "fallback_application_name",
        "tcp_user_timeout", "target_session_attrs", NULL};
    const char *values[] = {
        options->url, settings, name, "iqmd", "5000", writes ? "read-write" : "any", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static void become_ready(struct iqm_pg_session *session)
{
    if (PQsetnonblocking(session->conn, 1) != 0 || PQenterPipelineMode(session->conn) != 1) {
        session_lose(session);
        return;
    }
    session->state = SESSION_READY;
    session->attempts = 0;
    session_watch(session, UV_READABLE);
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
    session_watch(session, events);
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
        session_lose(session);
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
        session_lose(session);
        return;
    }
    PQsetNoticeProcessor(session->conn, ignore_notice, NULL);
    if (poll_socket(session, UV_WRITABLE) != 0)
        session_lose(session);
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
        session_lose(session);
        return;
    }
    session_read(session);
    if (session->state == SESSION_READY && (events & UV_WRITABLE) != 0)
        session_flush(session);
    if (session->state == SESSION_READY && PQstatus(session->conn) == CONNECTION_BAD)
        session_lose(session);
}

void session_check(struct iqm_pg_session *session, uint64_t now)
{
    bool overdue = session->state == SESSION_READY && session->head != NULL &&
                   now > session->head->deadline + OVERDUE_GRACE_MS;

    if (session->state == SESSION_READY && (session->failed || session_socket_is_gone(session) ||
                                               PQstatus(session->conn) == CONNECTION_BAD))
        overdue = true;
    if (session->state == SESSION_CONNECTING && now > session->connect_deadline)
        overdue = true;
    if (overdue)
        session_lose(session);
}

void session_start(struct iqm_pg_session *session, struct iqm_pg *pg, enum session_use use)
{
    session->pg = pg;
    session->use = use;
    session->timeout_ms = use == SESSION_REPORTS   ? IQM_PG_REPORT_TIMEOUT_MS
                          : use == SESSION_STREAMS ? IQM_PG_STREAM_TIMEOUT_MS
                                                   : pool_options(pg)->timeout_ms;
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
    session_forget_names(session);
    uv_close((uv_handle_t *)&session->retry, NULL);
    pool_session_lost(session, orphans);
}
