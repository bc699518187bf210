/*
 * The Department for Education's register of schools: reading its file, and bringing it into the
 * table of schools in one transaction. Blocks: for a thread of its own or a command, never a loop.
 */
#ifndef IQM_REGISTER_H
#define IQM_REGISTER_H

#include "iqm/base.h"

#include <jansson.h>

struct pg_conn;

/* At most this many errors, and as many warnings, are kept; the rest are counted. */
#define IQM_REGISTER_NOTES_MAX 1000

/* What is wrong with a row. Line 0 is the file as a whole. */
struct iqm_register_note {
    uint64_t line;
    const char *column; /* static: the register's name of the column; NULL for the whole row */
    char detail[240];
};

struct iqm_register_notes {
    uint64_t total; /* found */
    size_t count;   /* kept */
    size_t capacity;
    struct iqm_register_note *items;
};

struct iqm_register_report {
    struct iqm_register_notes errors;
    struct iqm_register_notes warnings;
};

struct iqm_register_counts {
    uint64_t rows; /* of schools in the file */
    uint64_t created, updated, unchanged;
};

enum iqm_register_phase {
    IQM_REGISTER_READING,  /* finding out the encoding; takes next to no time */
    IQM_REGISTER_CHECKING, /* every row is read and checked, nothing is written */
    IQM_REGISTER_WRITING,  /* in the transaction */
};

struct iqm_register_progress {
    enum iqm_register_phase phase;
    uint64_t done;  /* bytes of work: checking is the first half, writing the second */
    uint64_t total; /* the file's size */
    struct iqm_register_counts counts;
};

enum iqm_register_outcome {
    IQM_REGISTER_DONE,    /* imported, or in a dry run found good */
    IQM_REGISTER_REFUSED, /* the file has errors; nothing was changed */
    IQM_REGISTER_STOPPED, /* the progress callback said so; nothing was changed */
    IQM_REGISTER_FAILED,  /* the database or the machine failed; `sentence` tells what is known */
};

struct iqm_register_result {
    enum iqm_register_outcome outcome;
    struct iqm_register_counts counts;
    struct iqm_register_report report;
    uint64_t file_bytes;
    uint64_t read_bytes; /* how far the last pass came */
    char sqlstate[6];    /* for the log, not for the client; "" when the database said nothing */
    char sentence[240];  /* fit for the client; says how it went */
};

struct iqm_register_job {
    int fd; /* borrowed; seekable, read by offset from its start; must not change meanwhile */
    /* Borrowed: a blocking connection of its own, outside any transaction, acting as iqm_server.
     * Prepared statements of other users on it are dropped. */
    struct pg_conn *connection;
    const char *actor; /* UUID of the token that asked; NULL for an operator's command */
    bool dry_run;
    /* Called often; false stops the import. May be NULL. */
    bool (*progress)(void *user, const struct iqm_register_progress *progress);
    /*
     * Called in the transaction, after the last write and before the commit, never in a dry run:
     * what it writes becomes true together with the import. 0 to go on. May be NULL.
     */
    int (*before_commit)(
        void *user, struct pg_conn *connection, const struct iqm_register_result *result);
    void *user;
};

/*
 * Imports the file. 0 when the outcome is DONE, REFUSED or STOPPED; IQM_EPG, IQM_EPGLOST, IQM_EIO
 * or IQM_ENOMEM when FAILED. ret_result is filled in every case; end it with
 * iqm_register_result_free.
 *
 * Memory: at most 4 MiB for the lines of URNs seen (touched only as far as URNs spread), one row
 * (1 MiB), 1000 + 1000 notes (0.5 MiB), and one batch of at most 500 schools or 1 MiB of text, as
 * JSON twice over: under 20 MiB in all, however long the file.
 */
int iqm_register_import(const struct iqm_register_job *job, struct iqm_register_result *ret_result);

/* Frees what a result holds. Accepts one that is all zero. */
void iqm_register_result_free(struct iqm_register_result *result);

/* The notes as the contract's array of RowReport: new reference, NULL when memory is out. */
json_t *iqm_register_notes_json(const struct iqm_register_notes *notes);

/* The command `iqmd import register FILE|- [--dry-run]`; argv[0] is "import". Returns the exit
 * status: 0 imported, 1 file refused, 2 wrong usage or the environment failed. */
int iqm_cli_import(int argc, char **argv);

#endif
