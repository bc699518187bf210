/* Where the caller is signed in. From where, and what each browser said it is, comes sealed. */
#include "contract_tables.h"
#include "programme/own_list.h"

/* The token names the session that is the caller's own. Without one, nothing is asked. */
void iqm_op_list_sessions(struct iqm_call *call)
{
    static const char *const sealed[] = {"address", "agent", NULL};
    struct iqm_slice token = iqm_call_bearer(call);
    struct step *step = step_new(call);
    struct own_list *list = iqm_arena_alloc(call->arena, sizeof *list);

    if (step == NULL)
        return;
    if (list == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    *list = (struct own_list){.resource = "session", .members = sealed};
    if (token.ptr != NULL)
        step_hash(step, 0, token);
    own_list_answer(step, list);
}
