/* Making one file: its pieces, its progress and its outcome, as rows of the database. */
#ifndef IQM_DOWNLOAD_JOB_H
#define IQM_DOWNLOAD_JOB_H

#include "iqm/downloads.h"
#include "iqm/ids.h"

#include <libpq-fe.h>
#include <sodium.h>
#include <stdatomic.h>

struct job {
    const struct iqm_config *config;
    const struct iqm_seal_secrets *secrets;
    const atomic_bool *stopping;
    PGconn *reads, *writes, *keys;
    char id[IQM_UUID_TEXT], asked_by[IQM_UUID_TEXT];
    char turn[12]; /* how often it was begun, with this time */
    bool is_csv;

    uint8_t key[IQM_KEY_BYTES];
    crypto_hash_sha256_state hash;
    char *piece; /* not kept yet */
    uint8_t *sealed;
    size_t piece_length;
    uint64_t pieces, size;
    uint64_t started, told; /* ms */
    uint64_t done;
    const char *fault; /* why it cannot be had, as the record says it; NULL: no such reason */
};

/*
 * Takes up the next file over `writes`, whose session then holds it; 0, IQM_ENOTFOUND when none
 * waits, or IQM_EPGLOST or IQM_EPG.
 */
int job_begin(struct job *job);

/*
 * Makes it, over all three connections. 0: it is ready; IQM_ENOTFOUND: nobody wants it any more;
 * IQM_ELIMIT: it failed for good, and its record says why; else negative, and it is to be begun
 * again.
 */
int job_make(struct job *job);

#endif
