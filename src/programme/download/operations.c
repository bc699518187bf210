/* Files with the whole programme as people ask for them and do away with them. */
#include "contract_tables.h"
#include "iqm/downloads.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "programme/step.h"

#include <string.h>

static void made(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    const struct iqm_services *services = call->services;

    if (!step_says(rows, "made")) {
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "You have five downloads that wait, are made or are kept, or all together have twenty. "
            "Delete one first.");
        return;
    }
    iqm_downloader_wake(services->downloader);
    iqm_call_header(call, "Location",
        iqm_arena_printf(call->arena, "/v1/programme-downloads/%s", PQgetvalue(rows, 0, 1)));
    iqm_call_reply(
        call, 202, "application/json", PQgetvalue(rows, 0, 2), (size_t)PQgetlength(rows, 0, 2));
}

void iqm_op_create_programme_download(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->is_alone = true;
    step->values[0].text = iqm_rules_text(call->body, "format");
    step_change(step, call->operation->statement, made);
}

static void deleted(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        iqm_call_reply(step->call, 204, NULL, "", 0);
    else
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
}

void iqm_op_delete_programme_download(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->is_alone = true;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, deleted);
}
