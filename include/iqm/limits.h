/*
 * Rate limits: token buckets in one table of this process, shared by all its threads without locks.
 * A bucket is the time at which it will be full again (GCRA, the virtual scheduling of ITU-T
 * I.371). The table's memory is fixed: where it is full, the bucket that is nearest to full makes
 * room.
 */
#ifndef IQM_LIMITS_H
#define IQM_LIMITS_H

#include "iqm/base.h"

struct iqm_call;
struct iqm_config;

/* What is counted. Keys of different kinds never meet. */
enum iqm_limit_kind {
    IQM_LIMIT_ADDRESS,         /* requests of an address (call->address_key) */
    IQM_LIMIT_TOKEN,           /* requests with a bearer token */
    IQM_LIMIT_CLIENT,          /* requests with any token of a registered client */
    IQM_LIMIT_SIGN_IN_ADDRESS, /* sign-ins and public forms sent from an address */
    IQM_LIMIT_SIGN_IN_ACCOUNT, /* failed sign-ins with a name, from anywhere */
    IQM_LIMIT_SIGN_IN_PAIR,    /* failed sign-ins with a name from an address */
    IQM_LIMIT_KINDS,
};

/* `quota` in `window_s` seconds, of which `burst` may come at once. A quota of 0 is no limit. */
struct iqm_limit {
    const char *name; /* as RateLimit shows it: at most 20 letters */
    int64_t quota;    /* up to 30,000,000 */
    int64_t window_s; /* up to a day */
    int64_t burst;    /* 1 or more */
};

struct iqm_limit_state {
    const struct iqm_limit *limit; /* NULL: nothing is limited */
    int64_t remaining;             /* that may come now */
    int64_t reset_s;               /* until the whole burst may come again, rounded up */
    int64_t retry_s;               /* until one may come; 0: now */
};

/* Takes the configured limits and draws the keys under which callers are hashed. Before threads
 * start, and once. */
void iqm_limits_open(const struct iqm_config *config);

/* The configured limit of a kind; its quota is 0 where none is configured. */
const struct iqm_limit *iqm_limit_configured(enum iqm_limit_kind kind);

/* Under what a key stands in the table; never 0. For who meets the same key often. */
uint64_t iqm_limit_hash(enum iqm_limit_kind kind, const void *key, size_t len);

/*
 * Takes one out of the bucket: 0, or IQM_ELIMIT when it is empty, and then nothing is taken. `now`
 * is iqm_clock_ms(). Any thread.
 */
int iqm_limit_take_hashed(
    const struct iqm_limit *limit, uint64_t hash, uint64_t now, struct iqm_limit_state *ret_state);
int iqm_limit_take(enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key,
    size_t len, uint64_t now, struct iqm_limit_state *ret_state);

/* The same without taking: whether one could be taken now. */
int iqm_limit_peek(enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key,
    size_t len, uint64_t now, struct iqm_limit_state *ret_state);

/* Puts one back that should not have counted. */
void iqm_limit_give_back(
    enum iqm_limit_kind kind, const struct iqm_limit *limit, const void *key, size_t len);

/*
 * For requests (http/throttle.c). Refuses the call: problem rate_limited, Retry-After, and the
 * state in RateLimit. Always IQM_EPROBLEM, so that a handler can go on to iqm_call_fail.
 */
int iqm_limits_refuse(struct iqm_call *call, const struct iqm_limit_state *state);

/* Counts a public form, with the sign-ins of its address: whoever guesses here guesses there. 0, or
 * IQM_EPROBLEM after refusing as above. */
int iqm_limits_admit_form(struct iqm_call *call);

/* Tells that the token of this call belongs to a registered client (its id, a uuid as text): from
 * now on this thread counts the token's requests against the client's limit before any statement. A
 * token never changes its client. */
void iqm_limits_learn(struct iqm_call *call, const char *client);

#endif
