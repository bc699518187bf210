/* Tokens as text and as hashes. Pure: knows no request and no database. */
#include "iqm/auth.h"

#include "iqm/config.h"

#include <sodium.h>
#include <string.h>

void iqm_secret_new(const char *prefix, char ret_secret[static IQM_TOKEN_TEXT])
{
    uint8_t random[32];

    randombytes_buf(random, sizeof random);
    memcpy(ret_secret, prefix, IQM_SECRET_PREFIX);
    sodium_bin2base64(ret_secret + IQM_SECRET_PREFIX, IQM_TOKEN_TEXT - IQM_SECRET_PREFIX, random,
        sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
}

void iqm_token_new(char ret_token[static IQM_TOKEN_TEXT])
{
    iqm_secret_new(IQM_TOKEN_PREFIX, ret_token);
}

bool iqm_secret_has_form(struct iqm_slice text, const char *prefix)
{
    return text.ptr != NULL && text.len == IQM_TOKEN_TEXT - 1 &&
           memcmp(text.ptr, prefix, IQM_SECRET_PREFIX) == 0;
}

void iqm_token_hash(
    const uint8_t *key, struct iqm_slice token, uint8_t ret_hash[static IQM_TOKEN_HASH])
{
    crypto_generichash(ret_hash, IQM_TOKEN_HASH, (const unsigned char *)token.ptr, token.len, key,
        IQM_TOKEN_KEY_BYTES);
}
