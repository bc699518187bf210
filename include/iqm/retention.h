/*
 * What has outlived its time goes (UK GDPR, Article 5(1)(e)): by the rules that the contract
 * declares and the database applies (migrations/0036_retention.sql). Rows are deleted in small
 * transactions, each with a signed entry in a ledger; people are erased one by one, as on request,
 * each looked at again once nobody can sign in any more. A round that is cut off leaves nothing
 * half done; the next one goes on.
 */
#ifndef IQM_RETENTION_H
#define IQM_RETENTION_H

#include "iqm/config.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* What a round did. */
struct iqm_retention_round {
    uint64_t rows;     /* deleted */
    uint64_t people;   /* erased */
    uint64_t failures; /* people, places and erasures to repeat, left for another round */
    unsigned repeated; /* erasures done again, as iqm/erasure.h tells */
    bool busy;         /* somebody else is at it: nothing was done */
};

/*
 * One round of all rules over `connection`, in the server's role, and `keys` to the key database;
 * in the manner of iqm/ask.h. Only one at a time in a database. Ends early, in good order, when
 * `stopping` becomes true. 0, or IQM_EPGLOST or IQM_EPG where it was given up; `ret_round` is set
 * in either case.
 */
int iqm_retention_go_round(const struct iqm_config *config, PGconn *connection, PGconn *keys,
    const atomic_bool *stopping, struct iqm_retention_round *ret_round);

struct iqm_sweeper;

/* Starts the thread that goes a round every IQM_RETENTION_EVERY seconds, whichever instance did the
 * last one. NULL when it cannot start. The configuration is borrowed until iqm_sweeper_stop. The
 * thread takes no signals. */
struct iqm_sweeper *iqm_sweeper_start(const struct iqm_config *config);

/* How many rows and people this process has deleted and erased; from any thread. Accept NULL. */
uint64_t iqm_sweeper_rows(const struct iqm_sweeper *sweeper);
uint64_t iqm_sweeper_people(const struct iqm_sweeper *sweeper);

/* Ends it and frees: the transaction under way has two seconds more. Accepts NULL. */
void iqm_sweeper_stop(struct iqm_sweeper *sweeper);

#endif
