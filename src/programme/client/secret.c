/* The secret of a client that can keep one: shown once, kept as a keyed hash. */
#include "programme/client/secret.h"
#include "contract_tables.h"
#include "programme/step.h"

#include <string.h>

static void secret_made(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    const char *secret = step->user;

    if (step_says(rows, "unknown")) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    if (step_says(rows, "public")) {
        step_fail(
            step, IQM_PROBLEM_CONFLICT, "A public client cannot keep a secret, and needs none.");
        return;
    }
    if (step_says(rows, "scopes")) {
        iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN,
            "Who has the secret has the client's scopes, and your own token lacks some of them.");
        call->denied = true;
        iqm_auth_fail(call);
        return;
    }
    const char *text = iqm_arena_printf(call->arena,
        "{\"client_id\":\"%s\",\"client_secret\":\"%s\"}", call->path_values[0].ptr, secret);
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 201, "application/json", text, strlen(text));
}

void iqm_op_create_client_secret(struct iqm_call *call)
{
    struct step *step = step_new_with_secret(call, CLIENT_SECRET_PREFIX);

    if (step != NULL)
        step_change(step, call->operation->statement, secret_made);
}
