/* The criteria that a contribution evidences. */
#ifndef IQM_PROGRAMME_CONTRIBUTION_CRITERIA_H
#define IQM_PROGRAMME_CONTRIBUTION_CRITERIA_H

#include "iqm/resource.h"

/* Whether each is of the framework that it names, and stands there once: by the context, which has
 * the codes of those frameworks. 0, IQM_EPROBLEM or IQM_ENOMEM. */
int criteria_check(struct iqm_rules *rules);

#endif
