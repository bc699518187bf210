/* What the outcome of a review does to the award it judged. */
#ifndef IQM_PROGRAMME_REVIEW_OUTCOME_H
#define IQM_PROGRAMME_REVIEW_OUTCOME_H

#include "iqm/resource.h"

/*
 * Takes the steps of the award that the outcome names, and sets rules->effect to the award as they
 * leave it. `facts`: of its school. 0, IQM_EPROBLEM with every rule that stands in the way, or
 * IQM_ENOMEM.
 */
int review_outcome(struct iqm_rules *rules, const json_t *award, const json_t *facts);

#endif
