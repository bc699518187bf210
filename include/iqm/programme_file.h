/*
 * The whole programme as one file: every list of the contract, from one consistent snapshot, as a
 * workbook with a sheet for each, or as a ZIP archive of CSV with one for each; with a dictionary
 * of the data that the contract gives, and a note of what it is. Memory does not grow with what
 * there is. Blocks, in the manner of iqm/ask.h: for commands and threads of their own.
 */
#ifndef IQM_PROGRAMME_FILE_H
#define IQM_PROGRAMME_FILE_H

#include "iqm/seal.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* What a file is made of and how; all borrowed. Callbacks return 0, or a negative error that ends
 * it. */
struct iqm_programme_file {
    PGconn *connection; /* begun by iqm_programme_snapshot, its roles set */
    PGconn *keys;
    const struct iqm_seal_secrets *secrets;
    const char *directory; /* where a workbook is put together, in files without a name */
    bool is_csv;
    const char *asked_by;
    const atomic_bool *stopping;
    int (*take)(void *user, const char *bytes, size_t length); /* the file, from front to back */
    /* The file will tell about these people, an array of PostgreSQL's; before it does. */
    int (*note)(void *user, const char *people);
    /* So many records of so many are written: often. `at` is when the snapshot was taken. */
    int (*tell)(void *user, uint64_t done, uint64_t total, const char *at);
    void *user;
};

/* Begins a snapshot that nothing written meanwhile changes. False: it could not. */
bool iqm_programme_snapshot(PGconn *connection, const atomic_bool *stopping);

/* Writes it. 0, IQM_ENOMEM, IQM_EIO (the directory), IQM_EPG, IQM_EPGLOST, IQM_EINVAL (a key is of
 * another master key), or what a callback returned. */
int iqm_programme_file_write(const struct iqm_programme_file *file);

#endif
