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

#define IQM_TOKEN_PREFIX "iqm_"
#define IQM_TOKEN_TEXT 48 /* prefix, 43 characters of base64url, terminator */
#define IQM_TOKEN_HASH 32

/* A new random token (256 bits, libsodium). */
void iqm_token_new(char ret_token[static IQM_TOKEN_TEXT]);

/* Keyed BLAKE2b of a token's text (RFC 7693). */
void iqm_token_hash(
    const uint8_t *key, struct iqm_slice token, uint8_t ret_hash[static IQM_TOKEN_HASH]);

/*
 * Adds the statement that establishes who calls, for the permission of call->operation, to a batch.
 * 0; or IQM_EPROBLEM with call->problem set when no usable token was sent.
 */
int iqm_auth_identify(struct iqm_call *call, struct iqm_pg_batch *batch);

/* Reads that statement's result: 0 and call->actor set, or IQM_EPROBLEM (401 or 403). */
int iqm_auth_verdict(struct iqm_call *call, const PGresult *identity);

/* Fails a call whose problem is known; but tells a caller who is not known, or may not do this at
 * all, only that. */
void iqm_auth_refuse(struct iqm_call *call);

/* Writes down when tokens were last used, at most every ten seconds; from the worker's loop. */
void iqm_auth_upkeep(struct iqm_pg *pg, void *services);

#endif
