/* Who calls; and ending one's sign-ins. */
#include "contract_tables.h"
#include "programme/step.h"

/* The statement has made the document. */
static void answer_text(struct step *step, const PGresult *rows)
{
    if (PQntuples(rows) == 0) /* the token went after it was looked up */
        step_fail(step, IQM_PROBLEM_UNAUTHORIZED, NULL);
    else
        iqm_call_reply(step->call, 200, "application/json", PQgetvalue(rows, 0, 0),
            (size_t)PQgetlength(rows, 0, 0));
}

/* Without a token nothing is asked. */
void iqm_op_get_me(struct iqm_call *call)
{
    struct iqm_slice token = iqm_call_bearer(call);
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    if (token.ptr != NULL)
        step_hash(step, 0, token);
    step_read(step, call->operation->statement, answer_text);
}

static void revoked(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        iqm_call_reply(step->call, 204, NULL, "", 0);
    else
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
}

void iqm_op_revoke_session(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, revoked);
}

static void all_revoked(struct step *step, const PGresult *rows)
{
    (void)rows;
    iqm_call_reply(step->call, 204, NULL, "", 0);
}

void iqm_op_revoke_sessions(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_change(step, call->operation->statement, all_revoked);
}
