/*
 * A fixed table of sets of four, in memory that is neither swapped nor dumped where the system lets
 * us: a key that is not found, or too old, is asked for again; in a full set the oldest makes way.
 */
#include "cache.h"

#include "iqm/vault.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#define WAYS 4
#define SETS (IQM_VAULT_KEYS / WAYS)

_Static_assert((SETS & (SETS - 1)) == 0, "a set is chosen by masking");

struct entry {
    uint8_t person[16];
    uint8_t key[IQM_KEY_BYTES];
    uint64_t until; /* when it is too old; 0: empty */
};

/* Keys destroyed by this process, whichever thread it was. */
static atomic_uint destructions;

struct key_cache {
    unsigned destructions; /* that this cache knows of */
    uint8_t seed[crypto_shorthash_KEYBYTES];
    struct entry entries[SETS][WAYS];
};

struct key_cache *key_cache_new(void)
{
    struct key_cache *cache = sodium_malloc(sizeof *cache);

    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof *cache);
    randombytes_buf(cache->seed, sizeof cache->seed);
    return cache;
}

void key_cache_free(struct key_cache *cache)
{
    sodium_free(cache);
}

/* The set of a person; ids are chosen by clients, the seed is not. False: no uuid. */
static struct entry *set_of(struct key_cache *cache, const char *person, uint8_t ret_id[16])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;
    size_t length = 0;

    if (sodium_hex2bin(ret_id, 16, person, strlen(person), "-", &length, NULL) != 0 || length != 16)
        return NULL;
    crypto_shorthash(hash, ret_id, 16, cache->seed);
    memcpy(&number, hash, sizeof number);
    return cache->entries[number & (SETS - 1)];
}

/* A key was destroyed since this worker last looked: whosever it was. */
static void forget_destroyed(struct key_cache *cache)
{
    unsigned now = atomic_load(&destructions);

    if (cache->destructions == now)
        return;
    cache->destructions = now;
    sodium_memzero(cache->entries, sizeof cache->entries);
}

bool key_cache_find(struct key_cache *cache, const char *person, struct iqm_person_key *ret_key)
{
    uint8_t id[16];
    struct entry *set = set_of(cache, person, id);
    uint64_t now = iqm_clock_ms();

    forget_destroyed(cache);
    for (unsigned i = 0; set != NULL && i < WAYS; i++) {
        if (set[i].until == 0 || memcmp(set[i].person, id, sizeof id) != 0)
            continue;
        if (now > set[i].until) {
            sodium_memzero(&set[i], sizeof set[i]);
            return false;
        }
        memcpy(ret_key->bytes, set[i].key, IQM_KEY_BYTES);
        ret_key->known = true;
        return true;
    }
    return false;
}

void key_cache_add(
    struct key_cache *cache, const char *person, const uint8_t key[static IQM_KEY_BYTES])
{
    uint8_t id[16];
    struct entry *set = set_of(cache, person, id);

    if (set == NULL)
        return;
    struct entry *chosen = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (memcmp(set[i].person, id, sizeof id) == 0) {
            chosen = &set[i];
            break;
        }
        if (set[i].until < chosen->until)
            chosen = &set[i];
    }
    memcpy(chosen->person, id, sizeof id);
    memcpy(chosen->key, key, IQM_KEY_BYTES);
    chosen->until = iqm_clock_ms() + IQM_VAULT_MEMORY_MS;
}

void iqm_vault_forget_all(void)
{
    atomic_fetch_add(&destructions, 1);
}
