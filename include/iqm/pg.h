/*
 * PostgreSQL for one worker: a pipeline for reads shared by all its requests, a few sessions for
 * writing and for streams that a request borrows, and one each for reports and for the feed.
 * Nothing here blocks and nothing here knows a resource. Source: libpq, "Pipeline Mode" and
 * "Asynchronous Command Processing".
 */
#ifndef IQM_PG_H
#define IQM_PG_H

#include "iqm/base.h"

#include <libpq-fe.h>
#include <uv.h>

/* Statements in one batch, at most. */
#define IQM_PG_BATCH_MAX 6
/* A report may take so long, and so many may wait for their turn. */
#define IQM_PG_REPORT_TIMEOUT_MS 30000
#define IQM_PG_REPORTS_MAX 4
/* So many streams a worker reads at a time. A statement of one may take so long; and one whose
 * client takes nothing more ends after so long, and its transaction with it. */
#define IQM_PG_STREAMS_MAX 6
#define IQM_PG_STREAMS_OWNER_MAX 3 /* of those, lent to one owner */
#define IQM_PG_STREAM_TIMEOUT_MS 30000
#define IQM_PG_STREAM_IDLE_MS 60000
/* Parameters of one statement, at most. */
#define IQM_PG_PARAMETERS_MAX 24

struct iqm_pg;
struct iqm_pg_session;

/* A value to bind. Text form unless `binary`; value NULL is SQL NULL. Borrowed until done. */
struct iqm_pg_value {
    const char *text;
    int length; /* of a binary value */
    bool binary;
};

/* One statement of a batch. `name` is that of the prepared statement: one name, one text; NULL: it
 * is not worth preparing. */
struct iqm_pg_query {
    const char *name;
    const char *sql;
    const struct iqm_pg_value *values;
    unsigned value_count;
    bool binary; /* its rows come in binary form; set after iqm_pg_batch_add */
};

/*
 * Statements that go out together, in one transaction: all of them happen or none. The batch and
 * all it points to belong to the caller and must stay until `done` was called, exactly once, never
 * before the submitting function has returned to the loop.
 */
struct iqm_pg_batch {
    struct iqm_pg_query queries[IQM_PG_BATCH_MAX];
    unsigned query_count;
    void (*done)(struct iqm_pg_batch *batch);
    void *user;

    /* The outcome: a result for each statement that succeeded, freed by iqm_pg_batch_clear. */
    PGresult *results[IQM_PG_BATCH_MAX];
    unsigned result_count;
    int error;         /* 0, IQM_EPG (see failure), IQM_EPGLOST, IQM_ELIMIT */
    PGresult *failure; /* of the statement that failed; else NULL */

    /* Its first statement says who calls: it may share a transaction with its neighbours. */
    bool together;

    /* Used by the pipeline. */
    struct iqm_pg_batch *next;
    unsigned expected, seen; /* results */
    bool ends_group;         /* a Sync follows it */
    uint64_t deadline;
    bool retried;
};

struct iqm_pg_options {
    const char *url;
    const char *name; /* of its connections, as PostgreSQL shows them: "iqmd" */
    const char *role; /* every session does SET ROLE to it */
    unsigned write_connections;
    unsigned queue_max;  /* batches and borrowers waiting, at most */
    unsigned timeout_ms; /* of a statement, and of waiting for a session */
};

/* Counters for the metrics; written by the worker's thread, read by any. */
struct iqm_pg_counters {
    uint64_t batches, failures, reconnects;
    uint64_t waiting;
};

/* Starts connecting in the background. NULL when memory is out. The loop is borrowed. */
struct iqm_pg *iqm_pg_new(uv_loop_t *loop, const struct iqm_pg_options *options);

/* Starts closing: what is under way fails with IQM_EPGLOST. Run the loop until it is empty, then
 * free with iqm_pg_free. Both accept NULL. */
void iqm_pg_close(struct iqm_pg *pg);

/* Fails what was submitted to a closed one since: whether there was any. */
bool iqm_pg_settle(struct iqm_pg *pg);
void iqm_pg_free(struct iqm_pg *pg);

/* Appends a statement to a batch that is not under way. */
void iqm_pg_batch_add(struct iqm_pg_batch *batch, const char *name, const char *sql,
    const struct iqm_pg_value *values, unsigned value_count);

/* Frees the results and makes the batch empty again; `done` and `user` stay. */
void iqm_pg_batch_clear(struct iqm_pg_batch *batch);

/* Queues a batch of reads; they run READ ONLY. Retried once when the connection is lost. */
void iqm_pg_read(struct iqm_pg *pg, struct iqm_pg_batch *batch);

/*
 * Queues a batch of reads that may take long: they run READ ONLY, one after the other, on a session
 * of their own that connects at the first one, so that no other read waits for them.
 */
void iqm_pg_report(struct iqm_pg *pg, struct iqm_pg_batch *batch);

/*
 * Queues a batch of reads that nobody waits for, such as what those who listen are told: READ ONLY,
 * on a session of its own that connects at the first one. The caller sees to it that there are few.
 */
void iqm_pg_feed(struct iqm_pg *pg, struct iqm_pg_batch *batch);

/*
 * Queues a write that is whole in one batch. Batches with `together` set that wait at the same time
 * share a commit; each is told its own outcome all the same. `done` without an error: it is
 * durable.
 */
void iqm_pg_write(struct iqm_pg *pg, struct iqm_pg_batch *batch);

/*
 * Borrowing a session for a transaction. `granted` is called once, possibly before iqm_pg_borrow
 * returns: with the session, or NULL and IQM_EPGLOST or IQM_ELIMIT. The borrower gives it back with
 * iqm_pg_release: a transaction still open is rolled back then.
 */
struct iqm_pg_borrower {
    void (*granted)(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error);
    void *user;
    uint64_t owner; /* of a stream: who has no more than a share of them; 0: nobody */
    struct iqm_pg_borrower *next;
    uint64_t deadline;
};
void iqm_pg_borrow(struct iqm_pg *pg, struct iqm_pg_borrower *borrower);

/* The same of a session to read much from, READ ONLY. The borrower begins the transaction. They are
 * lent for long: so it may take twice as long to get one. */
void iqm_pg_borrow_stream(struct iqm_pg *pg, struct iqm_pg_borrower *borrower);

void iqm_pg_run(struct iqm_pg_session *session, struct iqm_pg_batch *batch);
void iqm_pg_release(struct iqm_pg_session *session);

/* Whether the read pipeline is connected. */
bool iqm_pg_is_up(const struct iqm_pg *pg);

/* Sends what was queued in this turn of the loop. Call once at the end of each turn. */
void iqm_pg_flush(struct iqm_pg *pg);

const struct iqm_pg_counters *iqm_pg_counters(const struct iqm_pg *pg);

/* A value where it stands: it lives as long as its rows. ptr NULL: it is null. */
struct iqm_slice iqm_pg_slice(const PGresult *rows, int row, int column);

/* SQLSTATE of a failed batch ("" when the failure has none), and the name of the constraint. */
const char *iqm_pg_sqlstate(const struct iqm_pg_batch *batch);
const char *iqm_pg_constraint(const struct iqm_pg_batch *batch);

/* The primary message of a failed batch; only for failures that our own functions raise. */
const char *iqm_pg_message(const struct iqm_pg_batch *batch);

#endif
