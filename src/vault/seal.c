/* Values sealed and opened: nonce and ciphertext as base64url. */
#include "iqm/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PREFIX_LENGTH (sizeof IQM_SEALED_PREFIX - 1)
#define PLACE_MAX 256
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* The associated data. Names come from the contract and are short. */
static size_t place_text(const struct iqm_seal_place *place, char *text)
{
    int length =
        snprintf(text, PLACE_MAX, "%s\n%s\n%s", place->person, place->resource, place->member);

    return length > 0 && length < PLACE_MAX ? (size_t)length : PLACE_MAX - 1;
}

char *iqm_seal(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, struct iqm_slice clear)
{
    char where[PLACE_MAX];
    size_t where_length = place_text(place, where);
    size_t length = NONCE + clear.len + TAG;
    size_t room = sodium_base64_encoded_len(length, VARIANT);
    uint8_t *bytes = iqm_arena_bytes(arena, length);
    char *text = iqm_arena_bytes(arena, PREFIX_LENGTH + room);

    if (bytes == NULL || text == NULL)
        return NULL;
    randombytes_buf(bytes, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + NONCE, NULL, (const uint8_t *)clear.ptr,
        clear.len, (const uint8_t *)where, where_length, NULL, bytes, key->bytes);
    memcpy(text, IQM_SEALED_PREFIX, PREFIX_LENGTH);
    sodium_bin2base64(text + PREFIX_LENGTH, room, bytes, length, VARIANT);
    return text;
}

/* The base64url part: after the prefix, before a blind index. */
static bool find_body(struct iqm_slice sealed, struct iqm_slice *ret_body)
{
    if (sealed.len <= PREFIX_LENGTH || memcmp(sealed.ptr, IQM_SEALED_PREFIX, PREFIX_LENGTH) != 0)
        return false;
    ret_body->ptr = sealed.ptr + PREFIX_LENGTH;
    ret_body->len = sealed.len - PREFIX_LENGTH;
    const char *dot = memchr(ret_body->ptr, '.', ret_body->len);
    if (dot != NULL)
        ret_body->len = (size_t)(dot - ret_body->ptr);
    return true;
}

int iqm_unseal(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, struct iqm_slice sealed, struct iqm_slice *ret_clear)
{
    char where[PLACE_MAX];
    size_t where_length = place_text(place, where);
    struct iqm_slice body;
    unsigned long long clear_length;
    size_t length;

    if (!key->known || !find_body(sealed, &body))
        return IQM_EINVAL;
    size_t room = body.len / 4 * 3 + 3;
    uint8_t *bytes = iqm_arena_bytes(arena, room);
    if (bytes == NULL)
        return IQM_ENOMEM;
    if (sodium_base642bin(bytes, room, body.ptr, body.len, NULL, &length, NULL, VARIANT) != 0 ||
        length < NONCE + TAG)
        return IQM_EINVAL;
    uint8_t *clear = iqm_arena_bytes(arena, length - NONCE - TAG + 1);
    if (clear == NULL)
        return IQM_ENOMEM;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(clear, &clear_length, NULL, bytes + NONCE,
            length - NONCE, (const uint8_t *)where, where_length, bytes, key->bytes) != 0)
        return IQM_EINVAL;
    clear[clear_length] = '\0';
    *ret_clear = (struct iqm_slice){(const char *)clear, (size_t)clear_length};
    return 0;
}
