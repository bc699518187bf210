/*
 * The table of rate limits behind iqm/limits.h. A slot is one word: a tag of the caller, and the
 * time at which its bucket is full again. A caller has one cache line of slots to be in; a slot
 * whose time has passed says nothing any more and may be taken by anyone.
 *
 * Two threads that enter the same caller at once choose the same slot: the one with the earliest
 * time, the first of equals. As times only grow, whoever chose another one has seen the choice of
 * the first, or loses the exchange and looks again.
 */
#include "iqm/limits.h"

#include "iqm/config.h"

#include <sodium.h>
#include <stdatomic.h>

#define SLOTS 8 /* of 8 bytes: a cache line */
#define LINES 8192
#define TICKS_PER_MS 512
#define TICKS_PER_S (1000 * TICKS_PER_MS)
#define TIME_BITS 46 /* four years of ticks */
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define WINDOW_S 60

struct line {
    _Alignas(64) _Atomic uint64_t slots[SLOTS];
};

static struct line table[LINES];
static uint8_t keys[IQM_LIMIT_KINDS][crypto_shorthash_KEYBYTES];
static struct iqm_limit configured[IQM_LIMIT_KINDS];

/* A limit in ticks. */
struct pace {
    uint64_t every; /* between two that come evenly; rounded up, so that never more come */
    uint64_t ahead; /* how far the full time may lie ahead */
};

/* Ten seconds' worth may come at once, but a few at least. */
static int64_t burst_of(int64_t quota)
{
    int64_t burst = quota / 6 > 10 ? quota / 6 : 10;

    return burst < quota ? burst : quota;
}

static void configure(enum iqm_limit_kind kind, const char *name, int64_t quota)
{
    configured[kind] = (struct iqm_limit){
        .name = name, .quota = quota, .window_s = WINDOW_S, .burst = burst_of(quota)};
}

void iqm_limits_open(const struct iqm_config *config)
{
    randombytes_buf(keys, sizeof keys);
    configure(IQM_LIMIT_ADDRESS, "address", config->limit_address);
    configure(IQM_LIMIT_TOKEN, "token", config->limit_token);
    configure(IQM_LIMIT_CLIENT, "client", config->limit_client);
    configure(IQM_LIMIT_SIGN_IN_ADDRESS, "sign_in", config->limit_sign_in);
}

const struct iqm_limit *iqm_limit_configured(enum iqm_limit_kind kind)
{
    return &configured[kind];
}

uint64_t iqm_limit_hash(enum iqm_limit_kind kind, const void *key, size_t len)
{
    uint64_t hash = 0;

    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "a hash is a word");
    crypto_shorthash((unsigned char *)&hash, key, len, keys[kind]);
    return hash != 0 ? hash : 1;
}

static struct pace pace_of(const struct iqm_limit *limit)
{
    uint64_t quota = (uint64_t)limit->quota;
    uint64_t every = ((uint64_t)limit->window_s * TICKS_PER_S + quota - 1) / quota;

    return (struct pace){.every = every, .ahead = every * (uint64_t)limit->burst};
}

static uint64_t tag_of(uint64_t hash)
{
    return hash & ~TIME_MASK;
}

/* The caller's slot; or the one to give it, when *ret_word carries another tag. */
static _Atomic uint64_t *look(uint64_t hash, uint64_t *ret_word)
{
    struct line *line = &table[hash % LINES];
    size_t best = 0;
    uint64_t best_word = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        uint64_t word = atomic_load_explicit(&line->slots[i], memory_order_relaxed);
        if (tag_of(word) == tag_of(hash)) {
            *ret_word = word;
            return &line->slots[i];
        }
        if (i == 0 || (word & TIME_MASK) < (best_word & TIME_MASK)) {
            best = i;
            best_word = word;
        }
    }
    *ret_word = best_word;
    return &line->slots[best];
}

/* How far the full time of a word lies ahead, when the word is this caller's. */
static uint64_t used(uint64_t word, uint64_t hash, uint64_t now)
{
    uint64_t full = word & TIME_MASK;

    return tag_of(word) == tag_of(hash) && full > now ? full - now : 0;
}

static int64_t seconds(uint64_t ticks)
{
    return (int64_t)((ticks + TICKS_PER_S - 1) / TICKS_PER_S);
}

static void tell(const struct iqm_limit *limit, struct pace pace, uint64_t ahead, bool refused,
    struct iqm_limit_state *ret_state)
{
    *ret_state = (struct iqm_limit_state){.limit = limit,
        .remaining = ahead < pace.ahead ? (int64_t)((pace.ahead - ahead) / pace.every) : 0,
        .reset_s = seconds(ahead),
        .retry_s = refused ? seconds(ahead + pace.every - pace.ahead) : 0};
}

int iqm_limit_take_hashed(
    const struct iqm_limit *limit, uint64_t hash, uint64_t now, struct iqm_limit_state *ret_state)
{
    uint64_t ticks = now * TICKS_PER_MS;
    uint64_t word;

    *ret_state = (struct iqm_limit_state){0};
    if (limit->quota == 0)
        return 0;
    struct pace pace = pace_of(limit);
    for (;;) {
        _Atomic uint64_t *slot = look(hash, &word);
        uint64_t ahead = used(word, hash, ticks);
        if (ahead + pace.every > pace.ahead) {
            tell(limit, pace, ahead, true, ret_state);
            return IQM_ELIMIT;
        }
        ahead += pace.every;
        uint64_t next = tag_of(hash) | ((ticks + ahead) & TIME_MASK);
        if (!atomic_compare_exchange_weak_explicit(
                slot, &word, next, memory_order_relaxed, memory_order_relaxed))
            continue;
        tell(limit, pace, ahead, false, ret_state);
        return 0;
    }
}

int iqm_limit_take(enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key,
    size_t len, uint64_t now, struct iqm_limit_state *ret_state)
{
    return iqm_limit_take_hashed(limit, iqm_limit_hash(kind, key, len), now, ret_state);
}

int iqm_limit_peek(enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key,
    size_t len, uint64_t now, struct iqm_limit_state *ret_state)
{
    uint64_t hash = iqm_limit_hash(kind, key, len);
    uint64_t word;

    *ret_state = (struct iqm_limit_state){0};
    if (limit->quota == 0)
        return 0;
    struct pace pace = pace_of(limit);
    look(hash, &word);
    uint64_t ahead = used(word, hash, now * TICKS_PER_MS);
    bool refused = ahead + pace.every > pace.ahead;
    tell(limit, pace, ahead, refused, ret_state);
    return refused ? IQM_ELIMIT : 0;
}

/* A time in the past, if that comes out, says no more than an empty slot. */
void iqm_limit_give_back(
    enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key, size_t len)
{
    uint64_t hash = iqm_limit_hash(kind, key, len);
    uint64_t word, next;
    _Atomic uint64_t *slot;

    if (limit->quota == 0)
        return;
    uint64_t every = pace_of(limit).every;
    do {
        slot = look(hash, &word);
        if (tag_of(word) != tag_of(hash) || (word & TIME_MASK) < every)
            return;
        next = word - every;
    } while (!atomic_compare_exchange_weak_explicit(
        slot, &word, next, memory_order_relaxed, memory_order_relaxed));
}
