/*
 * Sealing: what documents hold about a person is encrypted under a key of the person's own, so that
 * whoever destroys the key has destroyed every copy: in backups, logs and replicas too. Pure work
 * on bytes; knows no database.
 *
 * XChaCha20-Poly1305 with random nonces (libsodium, "AEAD constructions"), the person, resource and
 * member as associated data: a value that is moved elsewhere does not open.
 */
#ifndef IQM_SEAL_H
#define IQM_SEAL_H

#include "iqm/arena.h"
#include "iqm/config.h"
#include "iqm/contract.h"
#include "iqm/ids.h"

#include <jansson.h>

#define IQM_WRAPPED_KEY 72      /* bytes: nonce, key, tag */
#define IQM_MASTER_KEY_ID 8     /* bytes: says which master key wrapped a key */
#define IQM_BLIND_INDEX_TEXT 44 /* 32 bytes as base64url, terminated */
#define IQM_SEALED_PREFIX "~1."

/* The wrapped keys of an array of ids, in its order; null where there is none. */
#define IQM_FIND_PERSON_KEYS                                                                       \
    "SELECT wrapped FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) "                \
    "LEFT JOIN person_key ON person_id = id ORDER BY place"

/* The key of one person. `known` false: there is none, as of who has been erased. */
struct iqm_person_key {
    uint8_t bytes[IQM_KEY_BYTES];
    bool known;
};

/* What a process needs to use keys: read once, never changed. */
struct iqm_seal_secrets {
    uint8_t master[IQM_KEY_BYTES];
    uint8_t former[IQM_KEY_BYTES]; /* while one master key takes over from another */
    bool has_former;
    uint8_t index[IQM_KEY_BYTES]; /* of blind indexes */
};

/* Where a value stands. Borrowed. */
struct iqm_seal_place {
    const char *person; /* uuid as text */
    const char *resource;
    const char *member;
};

void iqm_master_key_id(
    const uint8_t master[static IQM_KEY_BYTES], uint8_t ret_id[static IQM_MASTER_KEY_ID]);

/* A key as it is stored, under the newest master key. `owner` is whose it is: bound to it. */
void iqm_key_wrap(const struct iqm_seal_secrets *secrets, const char *owner,
    const uint8_t key[static IQM_KEY_BYTES], uint8_t ret_wrapped[static IQM_WRAPPED_KEY]);

/* Back. IQM_EINVAL: it was wrapped by another master key, for another owner, or is damaged. */
int iqm_key_unwrap(const struct iqm_seal_secrets *secrets, const char *owner,
    const uint8_t *wrapped, size_t length, uint8_t ret_key[static IQM_KEY_BYTES]);

/*
 * The blind index of a value (keyed BLAKE2b): equal values, in whatever case of ASCII letters, have
 * the same, and nobody can tell the value from it without the index key.
 */
void iqm_blind_index(const struct iqm_seal_secrets *secrets, const char *resource,
    const char *member, struct iqm_slice value, char ret_text[static IQM_BLIND_INDEX_TEXT]);

/* That of an e-mail address, by which people are found: of the member `email` of `person`. */
void iqm_email_index(const struct iqm_seal_secrets *secrets, struct iqm_slice email,
    char ret_text[static IQM_BLIND_INDEX_TEXT]);

/* Seals bytes: text that starts with IQM_SEALED_PREFIX, in the arena; NULL when memory is out. */
char *iqm_seal(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, struct iqm_slice clear);

/* Opens them, into the arena. IQM_EINVAL: not sealed under this key at this place; IQM_ENOMEM. */
int iqm_unseal(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, struct iqm_slice sealed, struct iqm_slice *ret_clear);

/*
 * A text as a document's member would be: sealed as JSON, in the arena; NULL when memory is out.
 * And back; NULL where it does not open.
 */
const char *iqm_seal_text(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *clear);
const char *iqm_unseal_text(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *sealed);

/* Whether this member of a resource that is about a person is stored sealed. */
bool iqm_member_is_sealed(const struct iqm_contract *contract, const struct iqm_resource *resource,
    const struct iqm_member *member);

/* The document's text as it is stored: its personal members sealed, compact, in the arena. NULL
 * when memory is out. */
char *iqm_seal_document(struct iqm_arena *arena, const struct iqm_contract *contract,
    const struct iqm_resource *resource, const struct iqm_seal_secrets *secrets,
    const struct iqm_person_key *key, const json_t *document);

/* Whom a stored document is about: its id as text. IQM_EINVAL where it does not say. */
int iqm_sealed_person(const struct iqm_resource *resource, struct iqm_slice stored,
    char ret_person[static IQM_UUID_TEXT]);

/* The stored document opened, in the arena: the same bytes but for the sealed members. A member
 * that is not sealed is left as it is. IQM_EINVAL or IQM_ENOMEM. */
int iqm_unseal_document(struct iqm_arena *arena, const struct iqm_resource *resource,
    const struct iqm_person_key *key, struct iqm_slice stored, struct iqm_slice *ret_clear);

/* What of a stored document can be read without a key: the members that are not sealed, in the
 * arena. IQM_EINVAL or IQM_ENOMEM. */
int iqm_sealed_rest(struct iqm_arena *arena, struct iqm_slice stored, struct iqm_slice *ret_rest);

/*
 * A stored document of a resource about people as it may be told, in the arena: opened; where the
 * key is not known, because the person was erased, what is left of another record about them; ptr
 * NULL of the person's own. 0, IQM_EINVAL or IQM_ENOMEM.
 */
int iqm_open_stored(struct iqm_arena *arena, const struct iqm_resource *resource,
    const struct iqm_person_key *key, struct iqm_slice stored, struct iqm_slice *ret_clear);

/*
 * A piece of a file, sealed under the file's own key: nonce, ciphertext, tag, with the file's id
 * and the piece's number as associated data. `ret_sealed` has room for IQM_PIECE_EXTRA bytes more
 * than there are.
 */
#define IQM_PIECE_EXTRA 40
void iqm_piece_seal(const uint8_t key[static IQM_KEY_BYTES], const char *file, uint64_t number,
    struct iqm_slice clear, uint8_t *ret_sealed);

/* Opens it: `ret_clear` has room for IQM_PIECE_EXTRA bytes less. IQM_EINVAL: it is not that piece
 * under that key. */
int iqm_piece_open(const uint8_t key[static IQM_KEY_BYTES], const char *file, uint64_t number,
    struct iqm_slice sealed, uint8_t *ret_clear);

/* Whether the document has members that are to be sealed. */
bool iqm_has_personal_members(const struct iqm_contract *contract,
    const struct iqm_resource *resource, const json_t *document);

#endif
