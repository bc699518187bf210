/*
 * Reading much, from one consistent snapshot and a few rows at a time: a transaction of the
 * caller's on a session borrowed for it, cursors in it, and what is sealed opened. Nothing waits
 * for the client: between two fetches the transaction stands open, for IQM_PG_STREAM_IDLE_MS at
 * most, and in all for IQM_SNAPSHOT_TIMEOUT, however steadily the client reads. A caller who may
 * not do this any more is noticed within a second.
 */
#ifndef IQM_WALK_H
#define IQM_WALK_H

#include "iqm/call.h"
#include "iqm/pg.h"
#include "iqm/vault.h"

#define IQM_WALK_CURSOR "walked"
#define IQM_WALK_ROWS_MAX 500

/* Rows of one fetch. All of it lives until the next one. */
struct iqm_walk {
    struct iqm_call *call;
    void *user;                            /* the operation's own */
    void (*failed)(struct iqm_walk *walk); /* call->problem says why; nothing more is called */
    const PGresult *rows;                  /* of the last fetch; none at the cursor's end */
    struct iqm_arena *arena;               /* of the last fetch */

    /* The walk's own. */
    struct iqm_pg_session *session;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_batch batch;
    struct iqm_pg_batch check; /* whether the caller still may */
    uint64_t began_at, checked_at;
    void (*next)(struct iqm_walk *walk);
    void (*with_rows)(struct iqm_walk *walk);
    bool open;     /* a cursor is */
    unsigned most; /* rows of the next fetch */
    const struct iqm_resource *const *resources;
    const struct iqm_slice *stored;
    struct iqm_slice *opened;
    size_t count, from;
    struct iqm_vault_opening opening;
    void (*unsealed)(struct iqm_walk *walk, const struct iqm_slice *documents);
};

/* Begins: `next` once the caller is known and may do this. `call` and `failed` are set, the rest is
 * zero. */
void iqm_walk_begin(struct iqm_walk *walk, void (*next)(struct iqm_walk *walk));

/* Runs a statement that opens the cursor IQM_WALK_CURSOR; the one before is closed. What is passed
 * is borrowed until `next`. */
void iqm_walk_open(struct iqm_walk *walk, const char *sql, const struct iqm_pg_value *values,
    unsigned count, void (*next)(struct iqm_walk *walk));

/* Fetches the next rows of the cursor: few of large ones, IQM_WALK_ROWS_MAX at most. */
void iqm_walk_fetch(struct iqm_walk *walk, void (*next)(struct iqm_walk *walk));

/*
 * Opens stored documents, each of its own resource; one whose resource is NULL or about nobody is
 * left as it is. `next` has them in their order, ptr NULL where the person was erased. Both arrays
 * stay until then.
 */
void iqm_walk_unseal(struct iqm_walk *walk, const struct iqm_resource *const *resources,
    const struct iqm_slice *stored, size_t count,
    void (*next)(struct iqm_walk *walk, const struct iqm_slice *documents));

/* Gives everything back; also of a walk that never began. Not while something is under way. */
void iqm_walk_end(struct iqm_walk *walk);

#endif
