/*
 * The right to be forgotten (UK GDPR, Article 17): erasing in one transaction, a certificate, and
 * the two databases in agreement about who was erased.
 */
#ifndef IQM_ERASURE_H
#define IQM_ERASURE_H

#include "iqm/ids.h"
#include "iqm/keyring.h"

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

/*
 * Brings the two databases to agree: what the key database's log says was erased is erased in the
 * main one, too, as after a restore of an older backup; and where the ledger of the main one is
 * ahead, as after a crash between the two, the key is destroyed. In the manner of iqm/ask.h, over
 * connections in the server's role. 0, IQM_EPG or IQM_EPGLOST. `ret_repeated`: how many erasures
 * were done again.
 */
int iqm_erasures_agree(
    PGconn *connection, PGconn *keys, const atomic_bool *stopping, unsigned *ret_repeated);

/* Destroys a person's key and logs why, likewise. Said twice, it has happened once. */
int iqm_erasure_destroy_key(PGconn *keys, const struct iqm_erasure_entry *erasure,
    const char *entry, const char *certificate, const atomic_bool *stopping);

/* The same at the start of the server, over a connection of its own: waits where a database does
 * not answer. IQM_EPG: the database is not as it should be. */
int iqm_erasures_await(const struct iqm_config *config, struct iqm_keyring *keyring);

#endif
