/* What head office has sent: an event to try an endpoint, and a delivery once more. */
#include "contract_tables.h"
#include "iqm/http.h"
#include "programme/step.h"

#include <string.h>

static void refuse(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "paused"))
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "The endpoint is paused, and nothing is sent to it. Make it active first.");
    else if (step_says(rows, "busy"))
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "It is on its way this very moment. Read the delivery to see what comes of it.");
    else
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
}

static void answer(struct step *step, const PGresult *rows, unsigned status)
{
    iqm_call_etag(step->call, PQgetvalue(rows, 0, 3));
    iqm_call_reply(step->call, status, "application/json", PQgetvalue(rows, 0, 1),
        (size_t)PQgetlength(rows, 0, 1));
}

static void tested(struct step *step, const PGresult *rows)
{
    if (!step_says(rows, "made")) {
        refuse(step, rows);
        return;
    }
    iqm_call_header(step->call, "Location",
        iqm_arena_printf(step->call->arena, "/v1/webhook-deliveries/%s", PQgetvalue(rows, 0, 2)));
    answer(step, rows, 201);
}

static void replayed(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "made"))
        answer(step, rows, 200);
    else
        refuse(step, rows);
}

static void change(struct iqm_call *call, void (*next)(struct step *step, const PGresult *rows))
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, next);
}

void iqm_op_test_webhook_endpoint(struct iqm_call *call)
{
    change(call, tested);
}

void iqm_op_replay_webhook_delivery(struct iqm_call *call)
{
    change(call, replayed);
}
