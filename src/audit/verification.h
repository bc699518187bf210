/* One verification on its way. Shared by verify.c and digests.c only. */
#ifndef IQM_AUDIT_VERIFICATION_H
#define IQM_AUDIT_VERIFICATION_H

#include "iqm/audit.h"

#define VERIFICATION_PAGE "1000" /* rows fetched at a time */

struct verification {
    PGconn *connection;
    const struct iqm_audit_trust *trust;
    FILE *errors;
    uint64_t faults, records, checkpoints;
    int64_t number; /* of the last seal */
    uint8_t hash[IQM_AUDIT_HASH];
    char latest[IQM_TIME_TEXT];    /* that may still come from a clock that is right */
    char signed_at[IQM_TIME_TEXT]; /* of the last checkpoint that is ours */
};

/* Tells a fault in a line, and counts it. */
void verification_say(struct verification *verification, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs a statement; its rows, in binary, are new. 0, or IQM_EPG after telling. */
int verification_run(struct verification *verification, const char *sql, PGresult **ret_rows);

/* The same of a statement whose rows nobody wants. */
int verification_execute(struct verification *verification, const char *sql);

/* PQclear for IQM_CLEANUP. */
void verification_clear(PGresult **result);

/* Holds the tables that are digested against the log, in the transaction under way. 0, or IQM_EPG
 * after telling. */
int verification_check_digests(struct verification *verification);

#endif
