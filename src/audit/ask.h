/* Asking PostgreSQL with patience that ends: for a thread that must stop within seconds even when
 * the database has stopped answering. Shared by auditor.c and ask.c only. */
#ifndef IQM_AUDIT_ASK_H
#define IQM_AUDIT_ASK_H

#include "iqm/config.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* A connection in the server's role; NULL where there is none in time. Ended by PQfinish. */
PGconn *ask_connect(const struct iqm_config *config, const atomic_bool *stopping);

/* The rows of a statement that returns some. NULL where it failed or was not answered in time: then
 * the connection is of no more use. New; PQclear. */
PGresult *ask(PGconn *connection, const char *sql, int count, const char *const *values,
    const int *lengths, const int *formats, const atomic_bool *stopping);

#endif
