/* Rate limits with given times, and from many threads at once; the buckets of a token's client. */
#include "http/worker.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "suite.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define TRIES 20000
#define KEYS 16

/* One a second, four at once. */
static const struct iqm_limit slow = {"slow", 60, 60, 4};
static const struct iqm_config config = {.limit_address = 6000, .limit_client = 60};
static uint64_t now = 1000000;

static void set_up(void)
{
    iqm_limits_open(&config);
}

static int take(const char *key, struct iqm_limit_state *ret_state)
{
    return iqm_limit_take(IQM_LIMIT_SIGN_IN_PAIR, &slow, key, strlen(key), now, ret_state);
}

START_TEST(a_burst_comes_at_once_and_then_one_by_one)
{
    struct iqm_limit_state state;

    for (int64_t left = 3; left >= 0; left--) {
        ck_assert_int_eq(take("burst", &state), 0);
        ck_assert_int_eq(state.remaining, left);
        ck_assert_int_eq(state.reset_s, 4 - left);
        ck_assert_int_eq(state.retry_s, 0);
    }
    ck_assert_int_eq(take("burst", &state), IQM_ELIMIT);
    ck_assert_int_eq(state.remaining, 0);
    ck_assert_int_eq(state.retry_s, 1);
    now += 999;
    ck_assert_int_eq(take("burst", &state), IQM_ELIMIT);
    now += 1;
    ck_assert_int_eq(take("burst", &state), 0);
    ck_assert_int_eq(take("burst", &state), IQM_ELIMIT);
    now += 4000;
    ck_assert_int_eq(take("burst", &state), 0);
    ck_assert_int_eq(state.remaining, 3);
    ck_assert_ptr_eq(state.limit, &slow);
}
END_TEST

START_TEST(what_was_refused_does_not_count)
{
    struct iqm_limit_state state;

    for (int i = 0; i < 100; i++)
        take("eager", &state);
    ck_assert_int_eq(state.retry_s, 1);
    now += 1000;
    ck_assert_int_eq(take("eager", &state), 0);
}
END_TEST

START_TEST(callers_and_kinds_do_not_meet)
{
    struct iqm_limit_state state;

    while (take("first", &state) == 0)
        ;
    ck_assert_int_eq(take("second", &state), 0);
    ck_assert_int_eq(iqm_limit_take(IQM_LIMIT_SIGN_IN_ACCOUNT, &slow, "first", 5, now, &state), 0);
    ck_assert_int_eq(state.remaining, 3);
}
END_TEST

START_TEST(peeking_takes_nothing_and_giving_back_undoes)
{
    struct iqm_limit_state state;

    ck_assert_int_eq(iqm_limit_peek(IQM_LIMIT_SIGN_IN_PAIR, &slow, "peek", 4, now, &state), 0);
    ck_assert_int_eq(state.remaining, 4);
    iqm_limit_give_back(IQM_LIMIT_SIGN_IN_PAIR, &slow, "peek", 4);
    while (take("peek", &state) == 0)
        ;
    ck_assert_int_eq(
        iqm_limit_peek(IQM_LIMIT_SIGN_IN_PAIR, &slow, "peek", 4, now, &state), IQM_ELIMIT);
    ck_assert_int_eq(state.retry_s, 1);
    iqm_limit_give_back(IQM_LIMIT_SIGN_IN_PAIR, &slow, "peek", 4);
    ck_assert_int_eq(iqm_limit_peek(IQM_LIMIT_SIGN_IN_PAIR, &slow, "peek", 4, now, &state), 0);
    ck_assert_int_eq(state.remaining, 1);
    ck_assert_int_eq(take("peek", &state), 0);
    ck_assert_int_eq(take("peek", &state), IQM_ELIMIT);
}
END_TEST

START_TEST(more_is_never_given_back_than_there_was)
{
    struct iqm_limit_state state;

    ck_assert_int_eq(take("rich", &state), 0);
    for (int i = 0; i < 50; i++)
        iqm_limit_give_back(IQM_LIMIT_SIGN_IN_PAIR, &slow, "rich", 4);
    ck_assert_int_eq(take("rich", &state), 0);
    ck_assert_int_eq(state.remaining, 3);
}
END_TEST

START_TEST(no_quota_is_no_limit)
{
    const struct iqm_limit *none = iqm_limit_configured(IQM_LIMIT_TOKEN);
    struct iqm_limit_state state;

    ck_assert_int_eq(none->quota, 0);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(iqm_limit_take(IQM_LIMIT_TOKEN, none, "any", 3, now, &state), 0);
    ck_assert_int_eq(iqm_limit_peek(IQM_LIMIT_TOKEN, none, "any", 3, now, &state), 0);
    iqm_limit_give_back(IQM_LIMIT_TOKEN, none, "any", 3);
    ck_assert_ptr_null(state.limit);
}
END_TEST

/* Over ten minutes, what was let through is the burst and the quota, and hardly less. */
START_TEST(a_high_quota_is_kept)
{
    static const struct iqm_limit high = {"high", 7000, 60, 1000};
    struct iqm_limit_state state;
    int64_t through = 0;

    for (uint64_t ms = 0; ms < 600000; ms += 2)
        through += iqm_limit_take(IQM_LIMIT_CLIENT, &high, "high", 4, now + ms, &state) == 0;
    ck_assert_int_le(through, 7000 * 10 + 1000);
    ck_assert_int_ge(through, 7000 * 10 * 99 / 100);
}
END_TEST

/* A hundred thousand callers that have gone do not keep a new one out, nor let it off. */
START_TEST(a_full_table_makes_room)
{
    struct iqm_limit_state state;
    char key[16];

    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "crowd %d", i);
        ck_assert_int_eq(take(key, &state), 0);
        ck_assert_int_ge(state.remaining, 0);
    }
    now += 5000;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(take("late", &state), 0);
    ck_assert_int_eq(take("late", &state), IQM_ELIMIT);
}
END_TEST

static _Atomic int64_t let_through[KEYS];

static void *crowd(void *cls)
{
    const uint64_t *when = cls;
    struct iqm_limit_state state;

    for (int i = 0; i < TRIES; i++) {
        int key = i % KEYS;
        if (iqm_limit_take(IQM_LIMIT_ADDRESS, &slow, &key, sizeof key, *when, &state) == 0)
            atomic_fetch_add(&let_through[key], 1);
    }
    return NULL;
}

START_TEST(threads_share_a_bucket)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd, &now), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int key = 0; key < KEYS; key++)
        ck_assert_int_eq(let_through[key], slow.burst);
}
END_TEST

/* A request with this token, as far as the limits look at it. */
static int admit(
    struct worker *worker, const char *token, const char *client, struct iqm_limit_state *ret_state)
{
    struct iqm_arena *arena = iqm_arena_new(1 << 16);
    struct request request = {.worker = worker, .call.arena = arena};

    request.call.authorization = (struct iqm_slice){token, strlen(token)};
    iqm_problem_init(&request.call.problem, arena);
    int error = throttle_admit(&request);
    if (error == 0)
        iqm_limits_learn(&request.call, client);
    *ret_state = request.limit;
    iqm_arena_free(arena);
    return error;
}

START_TEST(tokens_of_one_client_share_its_bucket)
{
    static const char *const tokens[] = {"Bearer iqm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        "Bearer iqm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFH"};
    struct worker *worker = calloc(1, sizeof *worker);
    struct iqm_limit_state state;
    int through = 0;

    while (admit(worker, tokens[through % 2], "a client", &state) == 0 && through < 100)
        through++;
    ck_assert_int_ge(through, 10); /* the burst; a second more for each that passes meanwhile */
    ck_assert_int_lt(through, 20);
    ck_assert_str_eq(state.limit->name, "client");
    ck_assert_uint_eq(worker->counters.limited, 1);
    ck_assert_int_eq(admit(worker, "Bearer iqm_short", "a client", &state), 0);
    ck_assert_str_eq(state.limit->name, "address");
    free(worker);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_burst_comes_at_once_and_then_one_by_one,
        what_was_refused_does_not_count, callers_and_kinds_do_not_meet,
        peeking_takes_nothing_and_giving_back_undoes, more_is_never_given_back_than_there_was,
        no_quota_is_no_limit, a_high_quota_is_kept, a_full_table_makes_room, threads_share_a_bucket,
        tokens_of_one_client_share_its_bucket};

    return suite_run("limits", set_up, NULL, tests, sizeof tests / sizeof tests[0]);
}
