/* What people are asked to agree to: the next version of a wording, and those in force as the
 * public form shows them. */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/consent/made.h"
#include "programme/step.h"

static void wording_made(struct step *step, const PGresult *rows)
{
    consent_answer_made(
        step, "/v1/consent-wordings", PQgetvalue(rows, 0, 1), PQgetvalue(rows, 0, 0));
}

void iqm_op_create_consent_wording(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->values[0].text = iqm_rules_text(call->body, "purpose");
    step->values[1].text = iqm_rules_text(call->body, "text");
    step_change(step, call->operation->statement, wording_made);
}

static void form_read(struct step *step, const PGresult *rows)
{
    iqm_call_reply_hashed(
        step->call, "application/json", PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0));
}

void iqm_op_get_enquiry_form(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read(step, call->operation->statement, form_read);
}
