/*
 * The row that tells how an import goes: the contract's RegisterImport. Blocks; for the importer's
 * thread only. Knows no file.
 */
#ifndef IQM_REGISTER_STATUS_H
#define IQM_REGISTER_STATUS_H

#include "iqm/ids.h"
#include "iqm/register.h"

#include <libpq-fe.h>

struct iqm_import_status {
    char id[IQM_UUID_TEXT];
    char actor[IQM_UUID_TEXT]; /* "" when nobody is known to have asked */
    int64_t version;
    bool dry_run;
    bool finished; /* succeeded or failed */
    json_t *document;
};

/* The document of an import just asked for, as text in memory to free(); NULL when that is out. */
char *iqm_import_status_new(const char *id, bool dry_run, uint64_t file_bytes);

/* Reads the row. IQM_ENOTFOUND, IQM_EPG, IQM_EPGLOST or IQM_ENOMEM. End it, also after a failure,
 * with iqm_import_status_free. `id` must not lie in `ret_status`. */
int iqm_import_status_load(
    PGconn *connection, const char *id, struct iqm_import_status *ret_status);
void iqm_import_status_free(struct iqm_import_status *status);

/* Change the document, not yet the row. 0 or IQM_ENOMEM. */
int iqm_import_status_start(struct iqm_import_status *status);
int iqm_import_status_progress(struct iqm_import_status *status, uint64_t read_bytes,
    const struct iqm_register_counts *counts);
int iqm_import_status_finish(
    struct iqm_import_status *status, const struct iqm_register_result *result);

/* Writes the document as the next version of the row. IQM_ENOTFOUND when the row is no longer at
 * the version that was read: somebody else brought this import on. IQM_EPG, IQM_EPGLOST,
 * IQM_ENOMEM. */
int iqm_import_status_write(PGconn *connection, struct iqm_import_status *status);

#endif
