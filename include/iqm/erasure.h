/*
 * The right to be forgotten (UK GDPR, Article 17): erasing in one transaction, a certificate, and
 * the two databases in agreement about who was erased.
 */
#ifndef IQM_ERASURE_H
#define IQM_ERASURE_H

#include "iqm/arena.h"
#include "iqm/config.h"
#include "iqm/ids.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>

/* What an erasure is entered as. Texts are borrowed. */
struct iqm_erasure_entry {
    char id[IQM_UUID_TEXT];
    const char *person;
    const char *request; /* the privacy request; NULL: none */
    const char *rule;    /* the retention class; NULL: it was asked for */
    char erased_at[IQM_TIME_TEXT];
};

/* Gives a new erasure its id and time. */
void iqm_erasure_begin(struct iqm_erasure_entry *erasure);

/*
 * The ledger's entry and its certificate, in the arena, from what the database says was done
 * (`detail`: erased, kept, recipients). 0, IQM_EINVAL or IQM_ENOMEM.
 */
int iqm_erasure_write(struct iqm_arena *arena, const struct iqm_config *config,
    const struct iqm_erasure_entry *erasure, struct iqm_slice detail, const char **ret_entry,
    const char **ret_certificate);

#define IQM_DATABASE_TEXT 96

/* Between which two databases, how many erasures were done again in the main one, how many keys
 * were destroyed late, and how many of either failed: the log names each. */
struct iqm_agreement {
    char database[IQM_DATABASE_TEXT], key_database[IQM_DATABASE_TEXT];
    unsigned repeated, finished, failed;
};

/*
 * Brings the two databases to agree: what the key database's log says was erased is erased in the
 * main one, too, as after a restore of an older backup; and where the ledger of the main one is
 * ahead, as after a crash between the two or a restore of the keys, the key is destroyed. Looks at
 * all erasures, but only at the latest where the same two databases have agreed before (`former`;
 * NULL: never). In the manner of iqm/ask.h, over connections in the server's role. 0, also where
 * some failed; IQM_EPG or IQM_EPGLOST where it did not come to the end. What was done is told in
 * any case.
 */
int iqm_erasures_agree(PGconn *connection, PGconn *keys, const struct iqm_agreement *former,
    const atomic_bool *stopping, struct iqm_agreement *ret_agreement);

/* Destroys a person's key and logs why, likewise. Said twice, it has happened once. */
int iqm_erasure_destroy_key(PGconn *keys, const struct iqm_erasure_entry *erasure,
    const char *entry, const char *certificate, const atomic_bool *stopping);

/* The same at the start of the server: waits where a database does not answer. 0, or IQM_EPG after
 * saying why not, also where an erasure failed. */
int iqm_erasures_await(const struct iqm_config *config, FILE *errors);

/* A thread that does the same every few seconds. NULL when it cannot start; stopping accepts NULL.
 */
struct iqm_erasure_keeper;
struct iqm_erasure_keeper *iqm_erasure_keeper_start(const struct iqm_config *config);
void iqm_erasure_keeper_stop(struct iqm_erasure_keeper *keeper);

#endif
