/* What somebody consents to now. The statement has made the document. */
#include "contract_tables.h"
#include "programme/step.h"

void iqm_op_get_consent_state(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read_asked(step, call->operation->statement, step_answer_document);
}
