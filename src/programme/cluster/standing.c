/* How a cluster is at work in an academic year: derived from records, never stored. */
#include "contract_tables.h"
#include "programme/step.h"

void iqm_op_get_cluster_standing(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read_asked(step, call->operation->statement, step_answer_document);
}
