/* Tokens as text and as hashes. Pure: knows no request and no database. */
#include "iqm/auth.h"

#include "iqm/config.h"

#include <sodium.h>
#include <string.h>

void iqm_token_new(char ret_token[static IQM_TOKEN_TEXT])
{
    uint8_t random[32];
    const size_t prefix = strlen(IQM_TOKEN_PREFIX);

    randombytes_buf(random, sizeof random);
    memcpy(ret_token, IQM_TOKEN_PREFIX, prefix);
    sodium_bin2base64(ret_token + prefix, IQM_TOKEN_TEXT - prefix, random, sizeof random,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
}

void iqm_token_hash(
    const uint8_t *key, struct iqm_slice token, uint8_t ret_hash[static IQM_TOKEN_HASH])
{
    crypto_generichash(ret_hash, IQM_TOKEN_HASH, (const unsigned char *)token.ptr, token.len, key,
        IQM_TOKEN_KEY_BYTES);
}
