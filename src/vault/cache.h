/* The keys a worker remembers for a while. */
#ifndef IQM_VAULT_CACHE_H
#define IQM_VAULT_CACHE_H

#include "iqm/seal.h"

struct key_cache;

struct key_cache *key_cache_new(void);

/* Forgets all keys and frees the cache. Accepts NULL. */
void key_cache_free(struct key_cache *cache);

/* Whether the key of a person is remembered; then it is copied. */
bool key_cache_find(struct key_cache *cache, const char *person, struct iqm_person_key *ret_key);

void key_cache_add(
    struct key_cache *cache, const char *person, const uint8_t key[static IQM_KEY_BYTES]);

#endif
