/* Secrets and signatures of webhooks (Standard Webhooks 1.0.0, "Signature scheme"). */
#include "iqm/webhook.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "whsec_"
#define KEY_MAX 64

_Static_assert(IQM_TOKEN_KEY_BYTES == crypto_kdf_KEYBYTES, "the tokens' key can be derived from");

void iqm_webhook_secret(const uint8_t token_key[static IQM_TOKEN_KEY_BYTES], const char *endpoint,
    int64_t generation, char ret_secret[static IQM_WEBHOOK_SECRET_TEXT])
{
    uint8_t key[32], secret[32];
    char text[80];

    crypto_kdf_derive_from_key(key, sizeof key, 1, "iqm_whk1", token_key);
    snprintf(text, sizeof text, "%.36s %" PRId64, endpoint, generation);
    crypto_generichash(
        secret, sizeof secret, (const unsigned char *)text, strlen(text), key, sizeof key);
    memcpy(ret_secret, PREFIX, sizeof PREFIX);
    sodium_bin2base64(ret_secret + sizeof PREFIX - 1, IQM_WEBHOOK_SECRET_TEXT - sizeof PREFIX + 1,
        secret, sizeof secret, sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(key, sizeof key);
    sodium_memzero(secret, sizeof secret);
}

static int decode(const char *secret, uint8_t ret_key[static KEY_MAX], size_t *ret_length)
{
    const char *text = secret + sizeof PREFIX - 1;

    if (strncmp(secret, PREFIX, sizeof PREFIX - 1) != 0 ||
        sodium_base642bin(ret_key, KEY_MAX, text, strlen(text), NULL, ret_length, NULL,
            sodium_base64_VARIANT_ORIGINAL) != 0 ||
        *ret_length < 24)
        return IQM_EINVAL;
    return 0;
}

int iqm_webhook_sign(const char *secret, const char *id, int64_t timestamp, struct iqm_slice body,
    char ret_signature[static IQM_WEBHOOK_SIGNATURE_TEXT])
{
    uint8_t key[KEY_MAX], mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char head[120];
    size_t length = 0;

    int written = snprintf(head, sizeof head, "%s.%" PRId64 ".", id, timestamp);
    if (written >= (int)sizeof head || decode(secret, key, &length) != 0)
        return IQM_EINVAL;
    crypto_auth_hmacsha256_init(&state, key, length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, (unsigned long long)written);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(key, sizeof key);
    sodium_memzero(&state, sizeof state);
    memcpy(ret_signature, "v1,", 4);
    sodium_bin2base64(ret_signature + 3, IQM_WEBHOOK_SIGNATURE_TEXT - 3, mac, sizeof mac,
        sodium_base64_VARIANT_ORIGINAL);
    return 0;
}
