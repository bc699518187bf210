/*
 * The key database over a blocking connection: for commands, for threads of their own and for the
 * start of the server. Workers use iqm/vault.h.
 */
#ifndef IQM_KEYRING_H
#define IQM_KEYRING_H

#include "iqm/seal.h"

#include <libpq-fe.h>
#include <stdatomic.h>

struct iqm_keyring;

/* Connects as the server's role and reads what a process needs, making the key of blind indexes
 * where there is none. NULL after a sentence to `errors` (NULL: none). Ended by
 * iqm_keyring_close, which accepts NULL. Not for two threads at once. */
struct iqm_keyring *iqm_keyring_open(const struct iqm_config *config, FILE *errors);

/* The same, but where the database does not answer it says so once in the log, and tries again
 * until it does. */
struct iqm_keyring *iqm_keyring_await(const struct iqm_config *config, FILE *errors);
void iqm_keyring_close(struct iqm_keyring *keyring);

/* For IQM_CLEANUP. */
void iqm_keyring_closep(struct iqm_keyring **keyring);

/* Borrowed until the keyring is closed. */
const struct iqm_seal_secrets *iqm_keyring_secrets(const struct iqm_keyring *keyring);

/* The key of a person. IQM_ENOTFOUND: there is none; IQM_EINVAL: it is not of this master key;
 * IQM_EPGLOST or IQM_EPG. The connection is made anew where it was lost. */
int iqm_keyring_find(
    struct iqm_keyring *keyring, const char *person, struct iqm_person_key *ret_key);

/* The same, made where there is none. IQM_ENOTFOUND: the person was erased. */
int iqm_keyring_make(
    struct iqm_keyring *keyring, const char *person, struct iqm_person_key *ret_key);

/* Opens a stored document, whoever it is about, into the arena. Errors as of iqm_keyring_find. */
int iqm_keyring_unseal(struct iqm_keyring *keyring, struct iqm_arena *arena,
    const struct iqm_resource *resource, struct iqm_slice stored, struct iqm_slice *ret_clear);

/* The same without a keyring, for a thread that must stop while the key database does not answer,
 * in the manner of iqm/ask.h. NULL where there is no connection in time. */
PGconn *iqm_key_connect(
    const struct iqm_config *config, const char *name, const atomic_bool *stopping);

/* The key of a person. IQM_ENOTFOUND: there is none; IQM_EINVAL: it is not of this master key;
 * IQM_EPGLOST: the connection is of no more use. */
int iqm_key_ask(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *person,
    const atomic_bool *stopping, struct iqm_person_key *ret_key);

/* The keys of several, in the arena; `known` false where there is none. Otherwise as above. */
int iqm_keys_ask(PGconn *connection, const struct iqm_seal_secrets *secrets,
    struct iqm_arena *arena, const char (*people)[IQM_UUID_TEXT], size_t count,
    const atomic_bool *stopping, struct iqm_person_key **ret_keys);

/* Makes the key of a file that is kept in pieces. 0 or IQM_EPGLOST. */
int iqm_file_key_make(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *file,
    const atomic_bool *stopping, uint8_t ret_key[static IQM_KEY_BYTES]);

/* Whether it is still there, and this one. 0, IQM_ENOTFOUND or IQM_EPGLOST. */
int iqm_file_key_check(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *file,
    const atomic_bool *stopping, const uint8_t key[static IQM_KEY_BYTES]);

#endif
