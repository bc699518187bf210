/*
 * What ties a form to the very request whose page it stood on: a keyed hash (RFC 7693) of the query
 * and of the time it is good until. The key is derived from that of the tokens.
 */
#include "oauth.h"

#include "iqm/services.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GOOD_FOR_S 600
#define MAC_BYTES 32
#define MAC_TEXT 44 /* base64url and terminator */

_Static_assert(IQM_TOKEN_KEY_BYTES == crypto_kdf_KEYBYTES, "the tokens' key can be derived from");

static const char *make(const struct iqm_call *call, int64_t until)
{
    const struct iqm_services *services = call->services;
    uint8_t key[MAC_BYTES], mac[MAC_BYTES];
    char text[MAC_TEXT];
    crypto_generichash_state state;

    crypto_kdf_derive_from_key(key, sizeof key, 1, "iqm_form", services->config->token_key_bytes);
    crypto_generichash_init(&state, key, sizeof key, sizeof mac);
    crypto_generichash_update(&state, (const unsigned char *)&until, sizeof until);
    crypto_generichash_update(&state, (const unsigned char *)call->query.ptr, call->query.len);
    crypto_generichash_final(&state, mac, sizeof mac);
    sodium_memzero(key, sizeof key);
    sodium_bin2base64(text, sizeof text, mac, sizeof mac, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return iqm_arena_printf(call->arena, "%" PRId64 ".%s", until, text);
}

const char *form_token_make(const struct iqm_call *call)
{
    return make(call, (int64_t)time(NULL) + GOOD_FOR_S);
}

/* Read as a number and written again: what is not written as we write it is not ours. */
enum form_token form_token_check(const struct iqm_call *call, const char *token)
{
    int64_t until = strtoll(token, NULL, 10);
    const char *ours = make(call, until);

    if (ours == NULL || strlen(ours) != strlen(token) ||
        sodium_memcmp(ours, token, strlen(token)) != 0)
        return FORM_TOKEN_FOREIGN;
    return until < (int64_t)time(NULL) ? FORM_TOKEN_EXPIRED : FORM_TOKEN_GOOD;
}
