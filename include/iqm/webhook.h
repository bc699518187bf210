/*
 * What a webhook is made of: where it may go, and how it is signed (Standard Webhooks 1.0.0). Pure
 * work on texts; the thread that sends is in iqm/webhooks.h.
 */
#ifndef IQM_WEBHOOK_H
#define IQM_WEBHOOK_H

#include "iqm/config.h"

#define IQM_WEBHOOK_SECRET_TEXT 51    /* "whsec_", 32 bytes in base64, and the terminator */
#define IQM_WEBHOOK_SIGNATURE_TEXT 48 /* "v1,", 32 bytes in base64, and the terminator */

/* From then on addresses that are not public, http and any port may be used: for tests and
 * development (IQM_WEBHOOK_PRIVATE_ADDRESSES). To be called before other threads start. */
void iqm_webhook_allow_private(bool allowed);

/* What is wrong with an address for webhooks, which is a URI as the contract has it; NULL: nothing
 * that can be told before its name is looked up. */
const char *iqm_webhook_url_fault(const char *url);

/* The secret of an endpoint: a keyed hash (BLAKE2b, RFC 7693) of its id and of which secret of it
 * this is, under a key derived from that of the tokens. */
void iqm_webhook_secret(const uint8_t token_key[static IQM_TOKEN_KEY_BYTES], const char *endpoint,
    int64_t generation, char ret_secret[static IQM_WEBHOOK_SECRET_TEXT]);

/* The signature of a message with a secret as above, or any of 24 to 64 bytes: HMAC-SHA256 over
 * `id.timestamp.body`. IQM_EINVAL where the secret is not of that form. */
int iqm_webhook_sign(const char *secret, const char *id, int64_t timestamp, struct iqm_slice body,
    char ret_signature[static IQM_WEBHOOK_SIGNATURE_TEXT]);

#endif
