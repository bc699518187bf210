/* Codes of requests that are made in public. */
#include "programme/request_verification/verification.h"

#include "contract_tables.h"

#include <string.h>

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
