/*
 * The token of a link: whose it is, what for, and a keyed BLAKE2b over both (RFC 7693), as
 * base64url. Nothing is stored and nothing expires: a link in an old e-mail must work. The key is
 * derived from that of the tokens.
 */
#include "programme/consent/link.h"

#include <sodium.h>
#include <string.h>

#define PERSON_BYTES 16
#define PURPOSE_BYTES 1
#define MAC_BYTES 32
#define SIGNED_BYTES (PERSON_BYTES + PURPOSE_BYTES)
#define TOKEN_BYTES (SIGNED_BYTES + MAC_BYTES)
#define MARKETING 'm'
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

_Static_assert(sodium_base64_ENCODED_LEN(TOKEN_BYTES, VARIANT) == CONSENT_LINK_TEXT,
    "a token has room for its text");

static void sign(
    const struct iqm_config *config, const uint8_t *bytes, uint8_t ret_mac[static MAC_BYTES])
{
    uint8_t key[MAC_BYTES];

    crypto_kdf_derive_from_key(key, sizeof key, 1, "iqm_wdrw", config->token_key_bytes);
    crypto_generichash(ret_mac, MAC_BYTES, bytes, SIGNED_BYTES, key, sizeof key);
    sodium_memzero(key, sizeof key);
}

void consent_link_make(
    const struct iqm_config *config, const char *person, char ret_token[static CONSENT_LINK_TEXT])
{
    uint8_t bytes[TOKEN_BYTES] = {0};

    sodium_hex2bin(bytes, PERSON_BYTES, person, strlen(person), "-", NULL, NULL);
    bytes[PERSON_BYTES] = MARKETING;
    sign(config, bytes, bytes + SIGNED_BYTES);
    sodium_bin2base64(ret_token, CONSENT_LINK_TEXT, bytes, sizeof bytes, VARIANT);
}

static void write_uuid(const uint8_t *bytes, char *ret_text)
{
    for (size_t i = 0; i < PERSON_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *ret_text++ = '-';
        sodium_bin2hex(ret_text, 3, bytes + i, 1);
        ret_text += 2;
    }
}

bool consent_link_read(
    const struct iqm_config *config, struct iqm_slice token, char ret_person[static IQM_UUID_TEXT])
{
    uint8_t bytes[TOKEN_BYTES], mac[MAC_BYTES];
    size_t length;

    if (sodium_base642bin(
            bytes, sizeof bytes, token.ptr, token.len, NULL, &length, NULL, VARIANT) != 0 ||
        length != sizeof bytes)
        return false;
    sign(config, bytes, mac);
    if (sodium_memcmp(mac, bytes + SIGNED_BYTES, sizeof mac) != 0 ||
        bytes[PERSON_BYTES] != MARKETING)
        return false;
    write_uuid(bytes, ret_person);
    return true;
}
