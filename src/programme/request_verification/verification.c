/* Limits and codes of requests that are made in public. */
#include "programme/request_verification/verification.h"

#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/limits.h"

#include <string.h>

/* With sign-ins and public forms: whoever guesses here guesses there. */
static int admit(struct iqm_call *call)
{
    struct iqm_limit_state state;

    if (iqm_limit_take(IQM_LIMIT_SIGN_IN_ADDRESS, iqm_limit_configured(IQM_LIMIT_SIGN_IN_ADDRESS),
            &call->address_key, sizeof call->address_key, iqm_clock_ms(), &state) == 0)
        return 0;
    return iqm_limits_refuse(call, &state);
}

struct step *verification_step(struct iqm_call *call)
{
    if (admit(call) == 0)
        return step_new(call);
    iqm_call_fail(call);
    return NULL;
}

/* Of one verification: the same code of two has two hashes. */
int verification_hash(struct step *step, unsigned value, const char *id, struct iqm_slice code)
{
    const char *text = iqm_arena_printf(
        step->call->arena, "%s %.*s", id, (int)code.len, code.ptr != NULL ? code.ptr : "");

    if (text == NULL)
        return IQM_ENOMEM;
    step_hash(step, value, (struct iqm_slice){text, strlen(text)});
    return 0;
}
