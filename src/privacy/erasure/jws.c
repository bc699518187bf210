/* Three parts of base64url, and a signature over the first two as they stand. */
#include "iqm/jws.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define HEADER_MAX 128

void iqm_jws_public_key(
    const uint8_t seed[static IQM_KEY_BYTES], uint8_t ret_key[static IQM_KEY_BYTES])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(ret_key, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

void iqm_jws_key_text(const uint8_t key[static IQM_KEY_BYTES], char ret_text[static IQM_JWK_TEXT])
{
    sodium_bin2base64(ret_text, IQM_JWK_TEXT, key, IQM_KEY_BYTES, VARIANT);
}

/* Over the members that the kind of key needs, in the order of their names (RFC 7638, 3.2). */
void iqm_jws_key_id(const uint8_t key[static IQM_KEY_BYTES], char ret_id[static IQM_JWK_TEXT])
{
    char x[IQM_JWK_TEXT], text[HEADER_MAX];
    uint8_t hash[crypto_hash_sha256_BYTES];

    iqm_jws_key_text(key, x);
    int length =
        snprintf(text, sizeof text, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
    crypto_hash_sha256(hash, (const uint8_t *)text, (unsigned long long)length);
    sodium_bin2base64(ret_id, IQM_JWK_TEXT, hash, sizeof hash, VARIANT);
}

static size_t header_of(const uint8_t *key, char text[static HEADER_MAX])
{
    char id[IQM_JWK_TEXT];

    iqm_jws_key_id(key, id);
    return (size_t)snprintf(text, HEADER_MAX, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", id);
}

/* Writes bytes as base64url and a character after them; where that leaves off. */
static char *put(char *at, const void *bytes, size_t length, char after)
{
    size_t room = sodium_base64_encoded_len(length, VARIANT);

    sodium_bin2base64(at, room, bytes, length, VARIANT);
    at[room - 1] = after;
    return at + room;
}

char *iqm_jws_sign(
    struct iqm_arena *arena, const uint8_t seed[static IQM_KEY_BYTES], struct iqm_slice payload)
{
    uint8_t key[IQM_KEY_BYTES], secret[crypto_sign_SECRETKEYBYTES], signature[crypto_sign_BYTES];
    char header[HEADER_MAX];

    crypto_sign_seed_keypair(key, secret, seed);
    size_t header_length = header_of(key, header);
    size_t room = sodium_base64_encoded_len(header_length, VARIANT) +
                  sodium_base64_encoded_len(payload.len, VARIANT) +
                  sodium_base64_encoded_len(sizeof signature, VARIANT);
    char *text = iqm_arena_bytes(arena, room);
    if (text != NULL) {
        char *at = put(text, header, header_length, '.');
        at = put(at, payload.ptr, payload.len, '.');
        crypto_sign_detached(
            signature, NULL, (const uint8_t *)text, (unsigned long long)(at - text - 1), secret);
        put(at, signature, sizeof signature, '\0');
    }
    sodium_memzero(secret, sizeof secret);
    return text;
}

/* One part, decoded into the arena. */
static int decode(struct iqm_arena *arena, struct iqm_slice part, struct iqm_slice *ret_bytes)
{
    size_t room = part.len / 4 * 3 + 4, length;
    uint8_t *bytes = iqm_arena_bytes(arena, room);

    if (bytes == NULL)
        return IQM_ENOMEM;
    if (sodium_base642bin(bytes, room - 1, part.ptr, part.len, NULL, &length, NULL, VARIANT) != 0)
        return IQM_EINVAL;
    bytes[length] = '\0';
    *ret_bytes = (struct iqm_slice){(const char *)bytes, length};
    return 0;
}

/* The parts between the dots: exactly three. */
static bool split(struct iqm_slice text, struct iqm_slice ret_parts[static 3])
{
    for (int i = 0; i < 3; i++) {
        const char *dot = memchr(text.ptr, '.', text.len);
        if ((dot == NULL) != (i == 2))
            return false;
        size_t length = dot != NULL ? (size_t)(dot - text.ptr) : text.len;
        ret_parts[i] = (struct iqm_slice){text.ptr, length};
        text.ptr += length + (dot != NULL ? 1 : 0);
        text.len -= length + (dot != NULL ? 1 : 0);
    }
    return true;
}

/* The header must be the one that this service writes for the key: no other algorithm is looked at
 * (RFC 8725, 3.1). */
int iqm_jws_verify(struct iqm_arena *arena, const uint8_t key[static IQM_KEY_BYTES],
    struct iqm_slice text, struct iqm_slice *ret_payload)
{
    struct iqm_slice parts[3], header, signature;
    char expected[HEADER_MAX];

    if (!split(text, parts))
        return IQM_EINVAL;
    int error = decode(arena, parts[0], &header);
    if (error == 0)
        error = decode(arena, parts[2], &signature);
    if (error != 0)
        return error;
    header_of(key, expected);
    if (!iqm_slice_equal_string(header, expected) || signature.len != crypto_sign_BYTES ||
        crypto_sign_verify_detached((const uint8_t *)signature.ptr, (const uint8_t *)text.ptr,
            parts[0].len + 1 + parts[1].len, key) != 0)
        return IQM_EINVAL;
    return decode(arena, parts[1], ret_payload);
}
