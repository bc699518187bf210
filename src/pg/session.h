/* One connection in pipeline mode; shared between session.c, pipeline.c and pool.c only. */
#ifndef IQM_PG_SESSION_H
#define IQM_PG_SESSION_H

#include "iqm/pg.h"

/* Twice the prepared statements a session remembers; others go unprepared. */
#define NAMES_MAX 512

/* What a session is for: all but those for writes are READ ONLY. */
enum session_use { SESSION_WRITES, SESSION_READS, SESSION_REPORTS, SESSION_STREAMS, SESSION_FEED };

enum session_state { SESSION_DOWN, SESSION_CONNECTING, SESSION_READY, SESSION_CLOSED };

struct iqm_pg_session {
    struct iqm_pg *pg;
    PGconn *conn;
    uv_poll_t *poll; /* NULL while there is no socket */
    int socket;      /* that the poll watches */
    bool failed;     /* libpq refused to queue: the connection is of no more use */
    uv_timer_t retry;
    enum session_state state;
    enum session_use use;
    unsigned timeout_ms; /* of a statement */
    bool lent;
    uint64_t owner; /* of who has it */
    bool broken;    /* lost while lent: what the borrower began is gone */
    bool dirty;     /* something is queued in libpq */
    int events;     /* that the poll waits for */
    unsigned attempts;
    uint64_t connect_deadline;
    bool group_open;           /* the last batch sent shares its Sync with the next one */
    bool creates;              /* lent to the pool's own queue of writes */
    struct iqm_pg_batch *head; /* sent, in order */
    struct iqm_pg_batch *tail;
    struct {
        char *name;
        bool prepared;  /* or on its way */
    } names[NAMES_MAX]; /* open addressing */
    unsigned name_count;
    struct iqm_pg_session *next_free;
};

/* Whether requests borrow it. */
static inline bool session_is_lent_out(const struct iqm_pg_session *session)
{
    return session->use == SESSION_WRITES || session->use == SESSION_STREAMS;
}

/* Starts the session's life: it connects now and again after every loss. */
void session_start(struct iqm_pg_session *session, struct iqm_pg *pg, enum session_use use);

/* Ends it; its handles close in the loop. */
void session_close(struct iqm_pg_session *session);

/* Gives the connection up: its batches become orphans, and it connects again later. */
void session_lose(struct iqm_pg_session *session);

/* What the loop shall wake it for; and whether libpq has closed the socket (then it no longer is).
 */
void session_watch(struct iqm_pg_session *session, int events);
bool session_socket_is_gone(struct iqm_pg_session *session);

/* pipeline.c: queues a batch on a ready session; where libpq refuses, the timer tells. */
void session_send(struct iqm_pg_session *session, struct iqm_pg_batch *batch);

/* pipeline.c: ends the group that is open and sends what libpq has queued. */
void session_flush(struct iqm_pg_session *session);

/* pipeline.c: hands out the results that have arrived. */
void session_read(struct iqm_pg_session *session);

/* pipeline.c: a new connection has prepared nothing. */
void session_forget_names(struct iqm_pg_session *session);

/* Drops the connection when its oldest batch is overdue. */
void session_check(struct iqm_pg_session *session, uint64_t now);

/* What the pool does when a session has nothing under way any more, when it becomes ready, and when
 * it is lost with `orphans` unanswered.
 */
void pool_session_idle(struct iqm_pg_session *session);
void pool_session_ready(struct iqm_pg_session *session);
void pool_session_lost(struct iqm_pg_session *session, struct iqm_pg_batch *orphans);

/* The pool's own, for the session. */
uv_loop_t *pool_loop(const struct iqm_pg *pg);
const struct iqm_pg_options *pool_options(const struct iqm_pg *pg);
struct iqm_pg_counters *pool_counters(struct iqm_pg *pg);

#endif
