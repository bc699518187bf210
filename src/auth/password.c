/* Passwords as hashes: libsodium's Argon2id (RFC 9106), whose text form carries cost and salt. */
#include "iqm/password.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(
    IQM_PASSWORD_STORED == crypto_pwhash_STRBYTES, "libsodium's text form has this size");

struct iqm_password_cost iqm_password_cost(const struct iqm_config *config)
{
    return (struct iqm_password_cost){.passes = (unsigned long long)config->password_passes,
        .memory = (size_t)config->password_memory << 20};
}

int iqm_password_hash(const struct iqm_password_cost *cost, struct iqm_slice password,
    char ret_stored[static IQM_PASSWORD_STORED])
{
    char stored[IQM_PASSWORD_STORED];

    if (crypto_pwhash_str_alg(stored, password.ptr, password.len, cost->passes, cost->memory,
            crypto_pwhash_ALG_ARGON2ID13) != 0)
        return IQM_ENOMEM;
    memcpy(ret_stored, stored, sizeof stored);
    return 0;
}

void iqm_password_stand_in(
    const struct iqm_password_cost *cost, char ret_stored[static IQM_PASSWORD_STORED])
{
    unsigned char salt[16], hash[32]; /* as long as libsodium's own */
    char salt_text[32], hash_text[64];

    randombytes_buf(salt, sizeof salt);
    randombytes_buf(hash, sizeof hash);
    sodium_bin2base64(
        salt_text, sizeof salt_text, salt, sizeof salt, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    sodium_bin2base64(
        hash_text, sizeof hash_text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    memset(ret_stored, 0, IQM_PASSWORD_STORED);
    snprintf(ret_stored, IQM_PASSWORD_STORED,
        crypto_pwhash_argon2id_STRPREFIX "v=19$m=%zu,t=%llu,p=1$%s$%s", cost->memory >> 10,
        cost->passes, salt_text, hash_text);
}

/* What it took to make this hash; memory 0 for what is no hash of ours. */
static struct iqm_password_cost cost_of(const char *stored)
{
    uint32_t kibibytes, passes;

    if (sscanf(stored, crypto_pwhash_argon2id_STRPREFIX "v=19$m=%" SCNu32 ",t=%" SCNu32 ",",
            &kibibytes, &passes) != 2)
        return (struct iqm_password_cost){0};
    return (struct iqm_password_cost){.passes = passes, .memory = (size_t)kibibytes << 10};
}

static bool can_have(size_t memory)
{
    void *room = mmap(NULL, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return room != MAP_FAILED && munmap(room, memory) == 0;
}

int iqm_password_verify(const char *stored, struct iqm_slice password, bool *ret_matches)
{
    size_t memory = cost_of(stored).memory;

    if (memory == 0)
        return IQM_EINVAL;
    /* libsodium says "does not match" also when it gets no memory: whoever has the right password
     * would be told it is wrong. So look first. */
    if (!can_have(memory))
        return IQM_ENOMEM;
    *ret_matches = crypto_pwhash_str_verify(stored, password.ptr, password.len) == 0;
    return 0;
}

bool iqm_password_is_outdated(const struct iqm_password_cost *cost, const char *stored)
{
    return crypto_pwhash_str_needs_rehash(stored, cost->passes, cost->memory) != 0;
}

struct iqm_password_cost iqm_password_lack(const struct iqm_password_cost *cost, const char *stored)
{
    struct iqm_password_cost was = cost_of(stored), lack = {.passes = cost->passes};
    unsigned long long full = cost->passes * cost->memory, done = was.passes * was.memory;

    if (was.memory > 0 && done < full)
        lack.memory = (size_t)((full - done) / cost->passes);
    if (lack.memory < crypto_pwhash_argon2id_MEMLIMIT_MIN)
        lack.memory = 0;
    return lack;
}
