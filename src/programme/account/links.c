/* Links with which a person chooses a password, for head office to send. */
#include "contract_tables.h"
#include "iqm/http.h"
#include "programme/account/link.h"
#include "programme/step.h"

#include <string.h>

static void link_made(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;

    if (step_says(rows, "unknown")) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    if (step_says(rows, "suspended")) {
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "The account is suspended. Let the person in again before you send a link.");
        return;
    }
    const char *secret = step->user;
    const char *text = iqm_arena_printf(call->arena,
        "{\"url\":\"%s" ACCOUNT_LINK_PATH "%s\",\"expires_at\":\"%s\",\"purpose\":\"%s\"}",
        iqm_server_url(), secret, PQgetvalue(rows, 0, 1), PQgetvalue(rows, 0, 2));
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 201, "application/json", text, strlen(text));
}

void iqm_op_create_account_link(struct iqm_call *call)
{
    struct step *step = step_new_with_secret(call, ACCOUNT_LINK_PREFIX);

    if (step != NULL)
        step_change(step, call->operation->statement, link_made);
}
