/* Pieces of a file, each sealed by itself, so that any can be read without those before. */
#include "iqm/seal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PLACE_MAX 80

_Static_assert(IQM_PIECE_EXTRA == NONCE + TAG, "nonce and tag");

static size_t place_text(const char *file, uint64_t number, char text[static PLACE_MAX])
{
    int length = snprintf(text, PLACE_MAX, "%.*s\n%" PRIu64, IQM_UUID_TEXT, file, number);

    return length > 0 && length < PLACE_MAX ? (size_t)length : PLACE_MAX - 1;
}

void iqm_piece_seal(const uint8_t key[static IQM_KEY_BYTES], const char *file, uint64_t number,
    struct iqm_slice clear, uint8_t *ret_sealed)
{
    char place[PLACE_MAX];
    size_t length = place_text(file, number, place);

    randombytes_buf(ret_sealed, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret_sealed + NONCE, NULL, (const uint8_t *)clear.ptr,
        clear.len, (const uint8_t *)place, length, NULL, ret_sealed, key);
}

int iqm_piece_open(const uint8_t key[static IQM_KEY_BYTES], const char *file, uint64_t number,
    struct iqm_slice sealed, uint8_t *ret_clear)
{
    char place[PLACE_MAX];
    size_t length = place_text(file, number, place);
    const uint8_t *bytes = (const uint8_t *)sealed.ptr;

    if (sealed.len < IQM_PIECE_EXTRA ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(ret_clear, NULL, NULL, bytes + NONCE,
            sealed.len - NONCE, (const uint8_t *)place, length, bytes, key) != 0)
        return IQM_EINVAL;
    return 0;
}
