/*
 * JSON Web Signatures in compact form with Ed25519 (RFC 7515, RFC 8037): what this service
 * certifies, anybody can verify with a common library. Pure work on bytes.
 */
#ifndef IQM_JWS_H
#define IQM_JWS_H

#include "iqm/arena.h"
#include "iqm/config.h"

#define IQM_JWK_TEXT 44 /* 32 bytes as base64url, terminated */

/* The public key of a seed (RFC 8032). */
void iqm_jws_public_key(
    const uint8_t seed[static IQM_KEY_BYTES], uint8_t ret_key[static IQM_KEY_BYTES]);

/* A public key as a JSON Web Key has it (`x`), and its thumbprint (RFC 7638), which is its `kid`.
 */
void iqm_jws_key_text(const uint8_t key[static IQM_KEY_BYTES], char ret_text[static IQM_JWK_TEXT]);
void iqm_jws_key_id(const uint8_t key[static IQM_KEY_BYTES], char ret_id[static IQM_JWK_TEXT]);

/* Signs a payload: header.payload.signature, in the arena. NULL when memory is out. */
char *iqm_jws_sign(
    struct iqm_arena *arena, const uint8_t seed[static IQM_KEY_BYTES], struct iqm_slice payload);

/* Whether the text is signed with the key; then the payload, in the arena. IQM_EINVAL: it is no
 * signature of this kind, or a wrong one; IQM_ENOMEM. */
int iqm_jws_verify(struct iqm_arena *arena, const uint8_t key[static IQM_KEY_BYTES],
    struct iqm_slice text, struct iqm_slice *ret_payload);

#endif
