/*
 * How often somebody may fail to sign in. Failures with a name count, whoever has it, so that
 * nothing is told about who has an account; they wear off, so that nobody is locked out for good;
 * and who comes from where the person has signed in before is not stopped by what others do
 * elsewhere. As all limits these are of one process.
 */
#include "sign_in.h"

#include "contract_tables.h"
#include "iqm/ids.h"

#include <inttypes.h>
#include <string.h>

/*
 * From one place ten at once, as many as somebody may mistype who knows the password, then one
 * every half hour; from everywhere twenty at once, then one every two minutes. What all may try
 * comes back as fast as fifteen places can use it up: with fewer, nobody holds up others for longer
 * than two minutes, and the whole world makes no more than 720 tries a day.
 */
#define A_DAY_OF_ACCOUNT 720
#define A_DAY_OF_PAIR 48
#define DAY_S 86400
static const struct iqm_limit of_account = {"sign_in_account", A_DAY_OF_ACCOUNT, DAY_S, 20};
static const struct iqm_limit of_pair = {"sign_in_pair", A_DAY_OF_PAIR, DAY_S, 10};

_Static_assert(
    A_DAY_OF_PAIR * 15 <= A_DAY_OF_ACCOUNT, "few places must not use up the tries of all");

static int refuse(struct iqm_call *call, const struct iqm_limit_state *state)
{
    iqm_limits_refuse(call, state);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_RATE_LIMITED,
        "There were too many tries to sign in. Try again in %" PRId64 " %s.",
        state->retry_s < 120 ? state->retry_s : (state->retry_s + 59) / 60,
        state->retry_s < 120 ? "seconds" : "minutes");
}

int sign_in_admit_address(struct iqm_call *call)
{
    struct iqm_limit_state state;
    int error =
        iqm_limit_take(IQM_LIMIT_SIGN_IN_ADDRESS, iqm_limit_configured(IQM_LIMIT_SIGN_IN_ADDRESS),
            &call->address_key, sizeof call->address_key, iqm_clock_ms(), &state);

    return error != 0 ? refuse(call, &state) : 0;
}

/* The name and the place in one key. */
static int make_pair(struct iqm_call *call, struct sign_in *sign_in)
{
    size_t length = strlen(sign_in->name) + 1;

    sign_in->pair_length = length + sizeof call->address_key;
    sign_in->pair = iqm_arena_bytes(call->arena, sign_in->pair_length);
    if (sign_in->pair == NULL)
        return IQM_ENOMEM;
    memcpy(sign_in->pair, sign_in->name, length);
    memcpy(sign_in->pair + length, &call->address_key, sizeof call->address_key);
    return 0;
}

static void give_back_pair(const struct sign_in *sign_in)
{
    iqm_limit_give_back(IQM_LIMIT_SIGN_IN_PAIR, &of_pair, sign_in->pair, sign_in->pair_length);
}

/* Taken before it is known to fail, or many at once would all be let through. */
int sign_in_admit(struct iqm_call *call, struct sign_in *sign_in)
{
    struct iqm_limit_state state;
    uint64_t now = iqm_clock_ms();

    if (make_pair(call, sign_in) != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (iqm_limit_take(IQM_LIMIT_SIGN_IN_PAIR, &of_pair, sign_in->pair, sign_in->pair_length, now,
            &state) != 0)
        return refuse(call, &state);
    if (sign_in->is_trusted || iqm_limit_take(IQM_LIMIT_SIGN_IN_ACCOUNT, &of_account, sign_in->name,
                                   strlen(sign_in->name), now, &state) == 0)
        return 0;
    give_back_pair(sign_in);
    return refuse(call, &state);
}

void sign_in_forgive(const struct sign_in *sign_in)
{
    give_back_pair(sign_in);
    if (!sign_in->is_trusted)
        iqm_limit_give_back(
            IQM_LIMIT_SIGN_IN_ACCOUNT, &of_account, sign_in->name, strlen(sign_in->name));
}
