/* The chain of hashes and its signed checkpoints, as bytes and as text. Pure: knows no database. */
#include "iqm/audit.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

_Static_assert(IQM_AUDIT_HASH == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(IQM_AUDIT_KEY == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(IQM_AUDIT_KEY == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(IQM_AUDIT_SIGNATURE == crypto_sign_BYTES, "Ed25519");

#define HEX(size) (2 * (size) + 1)
#define MESSAGE_MAX 160

void iqm_audit_link(uint8_t hash[static IQM_AUDIT_HASH], const uint8_t id[static IQM_AUDIT_ID],
    struct iqm_slice doc)
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, hash, IQM_AUDIT_HASH);
    crypto_hash_sha256_update(&state, id, IQM_AUDIT_ID);
    crypto_hash_sha256_update(&state, (const unsigned char *)doc.ptr, doc.len);
    crypto_hash_sha256_final(&state, hash);
}

/* What is signed; its length. */
static size_t message_of(const struct iqm_checkpoint *checkpoint, char ret_text[static MESSAGE_MAX])
{
    char hash[HEX(IQM_AUDIT_HASH)];

    sodium_bin2hex(hash, sizeof hash, checkpoint->hash, IQM_AUDIT_HASH);
    int length = snprintf(ret_text, MESSAGE_MAX, "iqm-audit-checkpoint-1\n%" PRId64 "\n%s\n%s",
        checkpoint->number, hash, checkpoint->at);
    return (size_t)length;
}

void iqm_audit_public_key(
    const uint8_t seed[static IQM_AUDIT_KEY], uint8_t ret_key[static IQM_AUDIT_KEY])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    crypto_sign_seed_keypair(ret_key, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

void iqm_checkpoint_sign(
    struct iqm_checkpoint *checkpoint, const uint8_t seed[static IQM_AUDIT_KEY])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    char message[MESSAGE_MAX];
    size_t length = message_of(checkpoint, message);

    crypto_sign_seed_keypair(checkpoint->public_key, secret, seed);
    crypto_sign_detached(
        checkpoint->signature, NULL, (const unsigned char *)message, length, secret);
    sodium_memzero(secret, sizeof secret);
}

bool iqm_checkpoint_is_signed(const struct iqm_checkpoint *checkpoint)
{
    char message[MESSAGE_MAX];
    size_t length = message_of(checkpoint, message);

    return crypto_sign_verify_detached(checkpoint->signature, (const unsigned char *)message,
               length, checkpoint->public_key) == 0;
}

void iqm_checkpoint_write(
    const struct iqm_checkpoint *checkpoint, char ret_text[static IQM_CHECKPOINT_TEXT])
{
    char hash[HEX(IQM_AUDIT_HASH)], key[HEX(IQM_AUDIT_KEY)], signature[HEX(IQM_AUDIT_SIGNATURE)];

    sodium_bin2hex(hash, sizeof hash, checkpoint->hash, IQM_AUDIT_HASH);
    sodium_bin2hex(key, sizeof key, checkpoint->public_key, IQM_AUDIT_KEY);
    sodium_bin2hex(signature, sizeof signature, checkpoint->signature, IQM_AUDIT_SIGNATURE);
    snprintf(ret_text, IQM_CHECKPOINT_TEXT,
        "{\"number\":%" PRId64 ",\"at\":\"%s\",\"hash\":\"%s\",\"public_key\":\"%s\","
        "\"signature\":\"%s\"}",
        checkpoint->number, checkpoint->at, hash, key, signature);
}

static bool read_hex(const json_t *line, const char *name, uint8_t *ret_bytes, size_t size)
{
    const json_t *value = json_object_get(line, name);
    size_t length = 0;

    return json_string_length(value) == 2 * size &&
           sodium_hex2bin(
               ret_bytes, size, json_string_value(value), 2 * size, NULL, &length, NULL) == 0 &&
           length == size;
}

static void drop_json(json_t **value)
{
    json_decref(*value);
}

int iqm_checkpoint_read(struct iqm_slice line, struct iqm_checkpoint *ret_checkpoint)
{
    struct iqm_checkpoint checkpoint = {0};
    IQM_CLEANUP(drop_json)
    json_t *object = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);

    if (json_object_get(object, "signature") == NULL)
        return IQM_ENOTFOUND;
    const json_t *at = json_object_get(object, "at");
    checkpoint.number = json_integer_value(json_object_get(object, "number"));
    if (checkpoint.number < 1 || json_string_length(at) != IQM_TIME_TEXT - 1 ||
        !read_hex(object, "hash", checkpoint.hash, IQM_AUDIT_HASH) ||
        !read_hex(object, "public_key", checkpoint.public_key, IQM_AUDIT_KEY) ||
        !read_hex(object, "signature", checkpoint.signature, IQM_AUDIT_SIGNATURE))
        return IQM_EINVAL;
    memcpy(checkpoint.at, json_string_value(at), IQM_TIME_TEXT);
    *ret_checkpoint = checkpoint;
    return 0;
}
