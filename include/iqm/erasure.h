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

/* How many erasures were done again in the main database, and how many keys were destroyed late. */
struct iqm_agreement {
    unsigned repeated, finished;
};

/*
 * Brings the two databases to agree: what the key database's log says was erased is erased in the
 * main one, too, as after a restore of an older backup; and where the ledger of the main one is
 * ahead, as after a crash between the two, the key is destroyed. Looks at erasures with a greater
 * id than `since`. In the manner of iqm/ask.h, over connections in the server's role. 0, IQM_EPG or
 * IQM_EPGLOST; what was done is told in any case.
 */
int iqm_erasures_agree(PGconn *connection, PGconn *keys, const char since[static IQM_UUID_TEXT],
    const atomic_bool *stopping, struct iqm_agreement *ret_agreement);
#define IQM_ERASURES_ALL "00000000-0000-0000-0000-000000000000"

/* Destroys a person's key and logs why, likewise. Said twice, it has happened once. */
int iqm_erasure_destroy_key(PGconn *keys, const struct iqm_erasure_entry *erasure,
    const char *entry, const char *certificate, const atomic_bool *stopping);

/* The same for all at the start of the server: waits where a database does not answer. 0 or
 * IQM_EPG. */
int iqm_erasures_await(const struct iqm_config *config);

/* A thread that does the same for the latest every few seconds. NULL when it cannot start; stopping
 * accepts NULL. */
struct iqm_erasure_keeper;
struct iqm_erasure_keeper *iqm_erasure_keeper_start(const struct iqm_config *config);
void iqm_erasure_keeper_stop(struct iqm_erasure_keeper *keeper);

#endif
