/* Keys under the master key, and blind indexes. */
#include "iqm/seal.h"

#include <sodium.h>
#include <string.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(IQM_WRAPPED_KEY == NONCE + IQM_KEY_BYTES + TAG, "a wrapped key");
_Static_assert(IQM_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "a key");

void iqm_master_key_id(
    const uint8_t master[static IQM_KEY_BYTES], uint8_t ret_id[static IQM_MASTER_KEY_ID])
{
    static const char label[] = "iqm master key id";
    uint8_t hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(
        hash, sizeof hash, (const uint8_t *)label, sizeof label - 1, master, IQM_KEY_BYTES);
    memcpy(ret_id, hash, IQM_MASTER_KEY_ID);
}

void iqm_key_wrap(const struct iqm_seal_secrets *secrets, const char *owner,
    const uint8_t key[static IQM_KEY_BYTES], uint8_t ret_wrapped[static IQM_WRAPPED_KEY])
{
    randombytes_buf(ret_wrapped, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret_wrapped + NONCE, NULL, key, IQM_KEY_BYTES,
        (const uint8_t *)owner, strlen(owner), NULL, ret_wrapped, secrets->master);
}

static bool unwrap(const uint8_t *master, const char *owner, const uint8_t *wrapped, uint8_t *key)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, wrapped + NONCE,
               IQM_WRAPPED_KEY - NONCE, (const uint8_t *)owner, strlen(owner), wrapped,
               master) == 0;
}

int iqm_key_unwrap(const struct iqm_seal_secrets *secrets, const char *owner,
    const uint8_t *wrapped, size_t length, uint8_t ret_key[static IQM_KEY_BYTES])
{
    uint8_t key[IQM_KEY_BYTES];

    if (length != IQM_WRAPPED_KEY)
        return IQM_EINVAL;
    if (!unwrap(secrets->master, owner, wrapped, key) &&
        !(secrets->has_former && unwrap(secrets->former, owner, wrapped, key)))
        return IQM_EINVAL;
    memcpy(ret_key, key, sizeof key);
    sodium_memzero(key, sizeof key);
    return 0;
}

static void add_text(crypto_generichash_state *state, const char *text, size_t length)
{
    static const uint8_t end = 0; /* of a text, so that none runs into the next */

    crypto_generichash_update(state, (const uint8_t *)text, length);
    crypto_generichash_update(state, &end, 1);
}

/* In lower case, of ASCII only: by rules of a language, one address would have many spellings. */
static void add_folded(crypto_generichash_state *state, struct iqm_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        uint8_t folded = (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        crypto_generichash_update(state, &folded, 1);
    }
}

void iqm_blind_index(const struct iqm_seal_secrets *secrets, const char *resource,
    const char *member, struct iqm_slice value, char ret_text[static IQM_BLIND_INDEX_TEXT])
{
    crypto_generichash_state state;
    uint8_t hash[32];

    crypto_generichash_init(&state, secrets->index, sizeof secrets->index, sizeof hash);
    add_text(&state, resource, strlen(resource));
    add_text(&state, member, strlen(member));
    add_folded(&state, value);
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2base64(ret_text, IQM_BLIND_INDEX_TEXT, hash, sizeof hash,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void iqm_email_index(const struct iqm_seal_secrets *secrets, struct iqm_slice email,
    char ret_text[static IQM_BLIND_INDEX_TEXT])
{
    iqm_blind_index(secrets, "person", "email", email, ret_text);
}
