/*
 * Who calls, and may they: bearer tokens (RFC 6750). The token is looked up by its keyed hash in
 * the very batch of statements that does the work, so that nothing is cached and a revoked token is
 * refused by every instance at once. Row-level security sees the identity set there and nothing
 * else.
 */
#ifndef IQM_AUTH_H
#define IQM_AUTH_H

#include "iqm/call.h"
#include "iqm/pg.h"

#define IQM_TOKEN_HASH 32

/* A new random token (256 bits, libsodium). */
void iqm_token_new(char ret_token[static IQM_TOKEN_TEXT]);

/* Other secrets are made alike; the prefix has four bytes, as that of tokens. */
#define IQM_SECRET_PREFIX 4
void iqm_secret_new(const char *prefix, char ret_secret[static IQM_TOKEN_TEXT]);

/* Whether a text has the prefix and the length of such a secret. */
bool iqm_secret_has_form(struct iqm_slice text, const char *prefix);

/* Keyed BLAKE2b of a token's text (RFC 7693); of any other secret's, too. */
void iqm_token_hash(
    const uint8_t *key, struct iqm_slice token, uint8_t ret_hash[static IQM_TOKEN_HASH]);

/*
 * Adds the statement that establishes who calls, for the permission of call->operation, to a batch.
 * 0; or IQM_EPROBLEM with call->problem set when no usable token was sent.
 */
int iqm_auth_identify(struct iqm_call *call, struct iqm_pg_batch *batch);

/* The same before a change, with what the audit log says of it. */
int iqm_auth_identify_change(struct iqm_call *call, struct iqm_pg_batch *batch);

/* Reads that statement's result: 0 and call->actor, roles, account, client and session set, or
 * IQM_EPROBLEM (401 or 403). */
int iqm_auth_verdict(struct iqm_call *call, const PGresult *identity);

/* Whether who was let in before still would be, by the same result; nothing else is noted or said.
 */
bool iqm_auth_holds(const PGresult *identity);

/* Whether two PostgreSQL arrays of role names, as text, have one in common. NULL is empty. */
bool iqm_roles_share(const char *a, const char *b);

/* Whether a role stands in such an array. */
bool iqm_roles_have(const char *roles, const char *role);

/* The next name of such an array; *rest begins at the array and moves on. False at its end. */
bool iqm_roles_next(const char **rest, struct iqm_slice *ret_role);

/* Those of such an array for people, in the arena: "head office and schools". NULL when there is
 * none or memory is out. */
const char *iqm_roles_named(struct iqm_arena *arena, const char *roles);

/* Fails a call after a verdict; when that was 403, the audit log is told first. */
void iqm_auth_fail(struct iqm_call *call);

/* Fails a call whose problem is known; but tells a caller who is not known, or may not do this at
 * all, only that. */
void iqm_auth_refuse(struct iqm_call *call);

/* Whether a form was sent by a page of this server itself (CSRF). */
bool iqm_auth_same_origin(const struct iqm_call *call);

/* Writes down when tokens were last used, at most every ten seconds; from the worker's loop. */
void iqm_auth_upkeep(struct iqm_pg *pg, void *services);

#endif
