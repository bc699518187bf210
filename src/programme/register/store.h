/*
 * Records into the table of schools: batches, the merge with what is there, pipelined writes.
 * Knows nothing of files.
 */
#ifndef IQM_REGISTER_STORE_H
#define IQM_REGISTER_STORE_H

#include "programme/register/record.h"

#include <libpq-fe.h>

#define IQM_STORE_BATCH 500
#define IQM_STORE_BATCH_BYTES ((size_t)1024 * 1024)

struct iqm_store;

/*
 * Starts the transaction and waits for other imports to end. IQM_EPG or IQM_EPGLOST (look at
 * iqm_store_sqlstate), IQM_ENOMEM. ret_store is NULL only for IQM_ENOMEM; end it with
 * iqm_store_free, which rolls back what was not committed. `columns` and `counts` are borrowed.
 */
int iqm_store_open(PGconn *connection, const char *actor,
    const struct iqm_register_columns *columns, struct iqm_register_counts *counts,
    struct iqm_store **ret_store);
void iqm_store_free(struct iqm_store *store);

/* Takes the record over, whatever it returns; writes when a batch is full. */
int iqm_store_add(struct iqm_store *store, json_t *record);

/* Writes what is left and waits for every answer; the transaction stays open. */
int iqm_store_flush(struct iqm_store *store);

/* Ends the transaction. IQM_EPGLOST: whether it was committed is not known. */
int iqm_store_commit(struct iqm_store *store);

/* Of the last error; "" when there was none, or the database did not say. */
const char *iqm_store_sqlstate(const struct iqm_store *store);

#endif
