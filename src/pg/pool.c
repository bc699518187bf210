/*
 * A worker's sessions: one pipeline for all reads, a few for writing and for streams that requests
 * borrow in the order they asked. Says which batch goes to which session and who has waited too
 * long.
 */
#include "session.h"

#include "iqm/ids.h"

#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY_MS 100

/* Writes that share a commit: at most so many in one, at most so many such transactions at a time.
 * More at a time would each be smaller; one alone would leave the processor idle while it is
 * written out. */
#define GROUP_MAX 16
#define GROUPS_MAX 2

struct queue {
    struct iqm_pg_batch *head, *tail;
};

/* Sessions that are lent one by one, in the order in which they are asked for. */
struct lender {
    struct iqm_pg_session *free;
    struct iqm_pg_borrower *head, *tail;
};

struct iqm_pg {
    uv_loop_t *loop;
    struct iqm_pg_options options;
    struct iqm_pg_counters counters;
    uv_timer_t timer;
    bool closed;
    struct iqm_pg_session reader;
    struct iqm_pg_session reporter; /* from the first report on */
    struct iqm_pg_session feeder;   /* from the first batch for it on */
    struct iqm_pg_session *writers;
    struct iqm_pg_session streams[IQM_PG_STREAMS_MAX]; /* from the first one on */
    struct lender to_write, to_stream;
    struct queue reads;          /* while the pipeline is down */
    struct queue writes;         /* until a session is free for them */
    struct queue feeds;          /* while its session is down */
    struct queue reports;        /* until those before them are done */
    unsigned groups;             /* of writes under way */
    struct iqm_pg_batch *doomed; /* cannot run; told so from the loop */
};

uv_loop_t *pool_loop(const struct iqm_pg *pg)
{
    return pg->loop;
}

const struct iqm_pg_options *pool_options(const struct iqm_pg *pg)
{
    return &pg->options;
}

struct iqm_pg_counters *pool_counters(struct iqm_pg *pg)
{
    return &pg->counters;
}

const struct iqm_pg_counters *iqm_pg_counters(const struct iqm_pg *pg)
{
    return &pg->counters;
}

static void fail_batch(struct iqm_pg_batch *batch, int error)
{
    iqm_pg_batch_clear(batch);
    batch->error = error;
    batch->done(batch);
}

static void append(struct iqm_pg *pg, struct queue *queue, struct iqm_pg_batch *batch)
{
    batch->next = NULL;
    if (queue->tail != NULL)
        queue->tail->next = batch;
    else
        queue->head = batch;
    queue->tail = batch;
    pg->counters.waiting++;
}

static struct iqm_pg_batch *take_first(struct iqm_pg *pg, struct queue *queue)
{
    struct iqm_pg_batch *batch = queue->head;

    queue->head = batch->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    pg->counters.waiting--;
    return batch;
}

/* `done` is never called inside the call that submits a batch: the timer tells the bad news. */
static void doom(struct iqm_pg *pg, struct iqm_pg_batch *batch)
{
    batch->next = pg->doomed;
    pg->doomed = batch;
}

static void tell_doomed(struct iqm_pg *pg)
{
    while (pg->doomed != NULL) {
        struct iqm_pg_batch *batch = pg->doomed;
        pg->doomed = batch->next;
        fail_batch(batch, IQM_EPGLOST);
    }
}

/* What has gathered while the transactions before it were written out. */
static void send_group(struct iqm_pg *pg, struct iqm_pg_session *session)
{
    session->lent = session->creates = true;
    pg->groups++;
    for (unsigned n = 0; n < GROUP_MAX && pg->writes.head != NULL; n++)
        session_send(session, take_first(pg, &pg->writes));
}

/* One at a time: what waits is not yet under way, and keeps its own time. */
static void send_report(struct iqm_pg *pg)
{
    if (pg->reporter.state != SESSION_READY || pg->reporter.head != NULL ||
        pg->reports.head == NULL)
        return;
    session_send(&pg->reporter, take_first(pg, &pg->reports));
}

static struct lender *lender_of(struct iqm_pg *pg, const struct iqm_pg_session *session)
{
    return session->use == SESSION_STREAMS ? &pg->to_stream : &pg->to_write;
}

static struct iqm_pg_session *take_free(struct lender *lender)
{
    struct iqm_pg_session *session = lender->free;

    lender->free = session->next_free;
    session->next_free = NULL;
    return session;
}

static struct iqm_pg_borrower *take_borrower(struct iqm_pg *pg, struct lender *lender)
{
    struct iqm_pg_borrower *borrower = lender->head;

    lender->head = borrower->next;
    if (lender->head == NULL)
        lender->tail = NULL;
    pg->counters.waiting--;
    return borrower;
}

static bool is_admitted(const struct iqm_pg *pg, const struct iqm_pg_borrower *borrower)
{
    unsigned held = 0;

    for (unsigned i = 0; borrower->owner != 0 && i < IQM_PG_STREAMS_MAX; i++)
        held += pg->streams[i].lent && pg->streams[i].owner == borrower->owner ? 1 : 0;
    return held < IQM_PG_STREAMS_OWNER_MAX;
}

/* NULL: nobody waits but those who have their share. */
static struct iqm_pg_borrower *take_admitted(struct iqm_pg *pg, struct lender *lender)
{
    struct iqm_pg_borrower *before = NULL, *borrower = lender->head;

    while (borrower != NULL && !is_admitted(pg, borrower)) {
        before = borrower;
        borrower = borrower->next;
    }
    if (borrower == NULL)
        return NULL;
    if (before == NULL)
        return take_borrower(pg, lender);
    before->next = borrower->next;
    if (lender->tail == borrower)
        lender->tail = before;
    pg->counters.waiting--;
    return borrower;
}

static void lend(struct iqm_pg_session *session, struct iqm_pg_borrower *borrower)
{
    session->lent = true;
    session->owner = borrower->owner;
    borrower->granted(borrower, session, 0);
}

/* A session goes to who has waited longest; one that nobody wants is kept free. Borrowers cannot
 * keep the queue of writes from every session. */
static void offer(struct iqm_pg *pg, struct iqm_pg_session *session)
{
    struct lender *lender = lender_of(pg, session);
    struct iqm_pg_borrower *borrower;

    if (session->use == SESSION_WRITES && pg->writes.head != NULL && pg->groups == 0) {
        send_group(pg, session);
    } else if ((borrower = take_admitted(pg, lender)) != NULL) {
        lend(session, borrower);
    } else {
        session->next_free = lender->free;
        lender->free = session;
    }
}

static void forget_free(struct iqm_pg *pg, struct iqm_pg_session *session)
{
    struct iqm_pg_session **link = &lender_of(pg, session)->free;

    while (*link != NULL && *link != session)
        link = &(*link)->next_free;
    if (*link == session)
        *link = session->next_free;
    session->next_free = NULL;
}

void pool_session_idle(struct iqm_pg_session *session)
{
    if (session->use == SESSION_REPORTS)
        send_report(session->pg);
    if (!session->creates)
        return;
    session->lent = session->creates = false;
    session->pg->groups--;
    offer(session->pg, session);
}

void pool_session_ready(struct iqm_pg_session *session)
{
    struct iqm_pg *pg = session->pg;

    if (session_is_lent_out(session)) {
        if (!session->lent)
            offer(pg, session);
        return;
    }
    if (session->use == SESSION_REPORTS) {
        send_report(pg);
        return;
    }
    struct queue *queue = session->use == SESSION_FEED ? &pg->feeds : &pg->reads;
    while (queue->head != NULL)
        session_send(session, take_first(pg, queue));
}

/* A read may be done again; a write must not: nobody knows whether it happened. */
void pool_session_lost(struct iqm_pg_session *session, struct iqm_pg_batch *orphans)
{
    struct iqm_pg *pg = session->pg;

    if (session_is_lent_out(session))
        forget_free(pg, session);
    if (session->creates) {
        session->lent = session->broken = session->creates = false;
        pg->groups--;
    }
    while (orphans != NULL) {
        struct iqm_pg_batch *batch = orphans;
        orphans = batch->next;
        if (session->use == SESSION_READS && !batch->retried && !pg->closed &&
            batch->user != NULL) {
            void (*done)(struct iqm_pg_batch *) = batch->done;
            unsigned count = batch->query_count;
            iqm_pg_batch_clear(batch);
            batch->query_count = count;
            batch->done = done;
            batch->retried = true;
            append(pg, &pg->reads, batch);
        } else {
            fail_batch(batch, IQM_EPGLOST);
        }
    }
}

static void expire(struct iqm_pg *pg, struct queue *queue, uint64_t now)
{
    struct queue waited = *queue;

    *queue = (struct queue){NULL, NULL};
    while (waited.head != NULL) {
        struct iqm_pg_batch *batch = take_first(pg, &waited);
        if (pg->closed || now > batch->deadline)
            fail_batch(batch, IQM_EPGLOST);
        else
            append(pg, queue, batch);
    }
}

static void expire_borrowers(struct iqm_pg *pg, struct lender *lender, uint64_t now)
{
    while (lender->head != NULL && (pg->closed || now > lender->head->deadline)) {
        struct iqm_pg_borrower *borrower = take_borrower(pg, lender);
        borrower->granted(borrower, NULL, IQM_EPGLOST);
    }
}

static void expire_all(struct iqm_pg *pg, uint64_t now)
{
    expire(pg, &pg->reads, now);
    expire(pg, &pg->writes, now);
    expire(pg, &pg->reports, now);
    expire(pg, &pg->feeds, now);
    expire_borrowers(pg, &pg->to_write, now);
    expire_borrowers(pg, &pg->to_stream, now);
    tell_doomed(pg); /* and what they ask for when they hear it */
}

static void on_timer(uv_timer_t *timer)
{
    struct iqm_pg *pg = timer->data;
    uint64_t now = iqm_clock_ms();

    session_check(&pg->reader, now);
    session_check(&pg->reporter, now);
    session_check(&pg->feeder, now);
    for (unsigned i = 0; i < pg->options.write_connections; i++)
        session_check(&pg->writers[i], now);
    for (unsigned i = 0; i < IQM_PG_STREAMS_MAX; i++)
        session_check(&pg->streams[i], now);
    expire_all(pg, now);
}

struct iqm_pg *iqm_pg_new(uv_loop_t *loop, const struct iqm_pg_options *options)
{
    struct iqm_pg *pg = calloc(1, sizeof *pg);

    if (pg == NULL)
        return NULL;
    pg->writers = calloc(options->write_connections, sizeof *pg->writers);
    if (pg->writers == NULL) {
        free(pg);
        return NULL;
    }
    pg->loop = loop;
    pg->options = *options;
    uv_timer_init(loop, &pg->timer);
    pg->timer.data = pg;
    uv_timer_start(&pg->timer, on_timer, CHECK_EVERY_MS, CHECK_EVERY_MS);
    session_start(&pg->reader, pg, SESSION_READS);
    for (unsigned i = 0; i < options->write_connections; i++)
        session_start(&pg->writers[i], pg, SESSION_WRITES);
    return pg;
}

void iqm_pg_close(struct iqm_pg *pg)
{
    if (pg == NULL)
        return;
    pg->closed = true;
    uv_close((uv_handle_t *)&pg->timer, NULL);
    session_close(&pg->reader);
    if (pg->reporter.pg != NULL)
        session_close(&pg->reporter);
    if (pg->feeder.pg != NULL)
        session_close(&pg->feeder);
    for (unsigned i = 0; i < pg->options.write_connections; i++)
        session_close(&pg->writers[i]);
    for (unsigned i = 0; i < IQM_PG_STREAMS_MAX && pg->streams[i].pg != NULL; i++)
        session_close(&pg->streams[i]);
    expire_all(pg, 0);
}

bool iqm_pg_settle(struct iqm_pg *pg)
{
    if (pg == NULL || pg->doomed == NULL)
        return false;
    tell_doomed(pg);
    return true;
}

void iqm_pg_free(struct iqm_pg *pg)
{
    if (pg == NULL)
        return;
    free(pg->writers);
    free(pg);
}

void iqm_pg_batch_add(struct iqm_pg_batch *batch, const char *name, const char *sql,
    const struct iqm_pg_value *values, unsigned value_count)
{
    if (batch->query_count >= IQM_PG_BATCH_MAX || value_count > IQM_PG_PARAMETERS_MAX)
        abort(); /* a fixed shape of ours, never a client's doing */
    batch->queries[batch->query_count++] = (struct iqm_pg_query){
        .name = name, .sql = sql, .values = values, .value_count = value_count};
}

void iqm_pg_batch_clear(struct iqm_pg_batch *batch)
{
    for (unsigned i = 0; i < batch->result_count; i++)
        PQclear(batch->results[i]);
    PQclear(batch->failure);
    batch->result_count = 0;
    batch->query_count = 0;
    batch->failure = NULL;
    batch->error = 0;
    batch->together = false;
}

static void queue_up(struct iqm_pg *pg, struct queue *queue, struct iqm_pg_batch *batch)
{
    if (pg->closed || pg->counters.waiting >= pg->options.queue_max) {
        doom(pg, batch);
        return;
    }
    batch->deadline = iqm_clock_ms() + pg->options.timeout_ms;
    append(pg, queue, batch);
}

void iqm_pg_read(struct iqm_pg *pg, struct iqm_pg_batch *batch)
{
    batch->retried = false;
    if (pg->reader.state == SESSION_READY) {
        session_send(&pg->reader, batch);
        return;
    }
    queue_up(pg, &pg->reads, batch);
}

void iqm_pg_report(struct iqm_pg *pg, struct iqm_pg_batch *batch)
{
    unsigned waiting = 0;

    for (const struct iqm_pg_batch *one = pg->reports.head; one != NULL; one = one->next)
        waiting++;
    batch->retried = true;
    if (waiting == IQM_PG_REPORTS_MAX) {
        doom(pg, batch);
        return;
    }
    if (pg->reporter.pg == NULL)
        session_start(&pg->reporter, pg, SESSION_REPORTS);
    queue_up(pg, &pg->reports, batch);
    batch->deadline = iqm_clock_ms() + IQM_PG_REPORT_TIMEOUT_MS;
    send_report(pg);
}

void iqm_pg_feed(struct iqm_pg *pg, struct iqm_pg_batch *batch)
{
    batch->retried = true;
    if (pg->feeder.pg == NULL && !pg->closed)
        session_start(&pg->feeder, pg, SESSION_FEED);
    if (pg->feeder.state == SESSION_READY)
        session_send(&pg->feeder, batch);
    else
        queue_up(pg, &pg->feeds, batch);
}

void iqm_pg_write(struct iqm_pg *pg, struct iqm_pg_batch *batch)
{
    batch->retried = true;
    queue_up(pg, &pg->writes, batch);
}

static void borrow(struct iqm_pg *pg, struct lender *lender, struct iqm_pg_borrower *borrower,
    unsigned patience_ms)
{
    if (lender->free != NULL && is_admitted(pg, borrower)) {
        lend(take_free(lender), borrower);
        return;
    }
    if (pg->closed || pg->counters.waiting >= pg->options.queue_max) {
        borrower->granted(borrower, NULL, IQM_ELIMIT);
        return;
    }
    borrower->deadline = iqm_clock_ms() + patience_ms;
    borrower->next = NULL;
    if (lender->tail != NULL)
        lender->tail->next = borrower;
    else
        lender->head = borrower;
    lender->tail = borrower;
    pg->counters.waiting++;
}

void iqm_pg_borrow(struct iqm_pg *pg, struct iqm_pg_borrower *borrower)
{
    borrow(pg, &pg->to_write, borrower, pg->options.timeout_ms);
}

void iqm_pg_borrow_stream(struct iqm_pg *pg, struct iqm_pg_borrower *borrower)
{
    unsigned started = 0;

    while (started < IQM_PG_STREAMS_MAX && pg->streams[started].pg != NULL)
        started++;
    if (pg->to_stream.free == NULL && started < IQM_PG_STREAMS_MAX && !pg->closed &&
        is_admitted(pg, borrower))
        session_start(&pg->streams[started], pg, SESSION_STREAMS);
    borrow(pg, &pg->to_stream, borrower, 2 * pg->options.timeout_ms);
}

void iqm_pg_run(struct iqm_pg_session *session, struct iqm_pg_batch *batch)
{
    batch->retried = true;
    if (session->state == SESSION_READY && !session->broken)
        session_send(session, batch);
    else
        doom(session->pg, batch);
}

static void rolled_back(struct iqm_pg_batch *batch)
{
    struct iqm_pg_session *session = batch->user;

    iqm_pg_batch_clear(batch);
    free(batch);
    session->lent = false;
    if (session->state == SESSION_READY)
        offer(session->pg, session);
}

void iqm_pg_release(struct iqm_pg_session *session)
{
    struct iqm_pg_batch *batch;

    session->lent = false;
    session->broken = false;
    if (session->state != SESSION_READY)
        return;
    if (PQtransactionStatus(session->conn) == PQTRANS_IDLE) {
        offer(session->pg, session);
        return;
    }
    batch = calloc(1, sizeof *batch);
    if (batch == NULL) { /* no memory to roll back with: the connection's end does it */
        session->failed = true;
        return;
    }
    session->lent = true;
    batch->done = rolled_back;
    batch->user = session;
    iqm_pg_batch_add(batch, "rollback", "ROLLBACK", NULL, 0);
    session_send(session, batch);
}

bool iqm_pg_is_up(const struct iqm_pg *pg)
{
    return pg->reader.state == SESSION_READY;
}

static void send_writes(struct iqm_pg *pg)
{
    while (pg->writes.head != NULL && pg->to_write.free != NULL && pg->groups < GROUPS_MAX)
        send_group(pg, take_free(&pg->to_write));
}

void iqm_pg_flush(struct iqm_pg *pg)
{
    send_writes(pg);
    session_flush(&pg->reader);
    session_flush(&pg->reporter);
    session_flush(&pg->feeder);
    for (unsigned i = 0; i < pg->options.write_connections; i++)
        session_flush(&pg->writers[i]);
    for (unsigned i = 0; i < IQM_PG_STREAMS_MAX; i++)
        session_flush(&pg->streams[i]);
}

struct iqm_slice iqm_pg_slice(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column) == 1)
        return (struct iqm_slice){NULL, 0};
    return (struct iqm_slice){
        PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

const char *iqm_pg_sqlstate(const struct iqm_pg_batch *batch)
{
    const char *state =
        batch->failure != NULL ? PQresultErrorField(batch->failure, PG_DIAG_SQLSTATE) : NULL;

    return state != NULL ? state : "";
}

const char *iqm_pg_constraint(const struct iqm_pg_batch *batch)
{
    const char *name =
        batch->failure != NULL ? PQresultErrorField(batch->failure, PG_DIAG_CONSTRAINT_NAME) : NULL;

    return name != NULL ? name : "";
}

const char *iqm_pg_message(const struct iqm_pg_batch *batch)
{
    const char *message =
        batch->failure != NULL ? PQresultErrorField(batch->failure, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    return message != NULL ? message : "";
}
