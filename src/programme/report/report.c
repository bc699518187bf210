/* How the whole programme stands. */
#include "contract_tables.h"
#include "programme/step.h"

void iqm_op_get_programme_report(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_report_asked(step, step_answer_document);
}
