/*
 * Asking PostgreSQL with patience that ends: for a thread of its own that must stop within seconds
 * even when the database has stopped answering. Workers use iqm/pg.h.
 */
#ifndef IQM_ASK_H
#define IQM_ASK_H

#include "iqm/config.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* A connection in the server's role; NULL where there is none in time. `name` is what the database
 * and the log know the thread by. Ended by PQfinish. */
PGconn *iqm_ask_connect(const struct iqm_config *config, const char *url, const char *name,
    const atomic_bool *stopping);

/* The rows, in binary, of a statement. NULL where it failed, which is logged, or was not answered
 * in time: then the connection is of no more use (iqm_ask_is_lost). New; PQclear. */
PGresult *iqm_ask(PGconn *connection, const char *sql, int count, const char *const *values,
    const int *lengths, const int *formats, const atomic_bool *stopping);

/* Whether a connection on which a statement gave NULL is of no more use. */
bool iqm_ask_is_lost(const PGconn *connection);

/* PQclear for IQM_CLEANUP. */
void iqm_ask_clear(PGresult **rows);

/* A bigint of the first row. */
int64_t iqm_ask_int64(const PGresult *rows, int column);

#endif
