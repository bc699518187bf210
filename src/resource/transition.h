/* A step of a record from one status to the next: what it changes, decided from documents alone. */
#ifndef IQM_RESOURCE_TRANSITION_H
#define IQM_RESOURCE_TRANSITION_H

#include "iqm/calendar.h"
#include "iqm/resource.h"

/* Steps that one record takes at most. */
#define TRANSITIONS_MAX 200

/*
 * Whether the step may be taken by who calls: `before` has a status that it begins at, members of
 * the request that only some roles may set are theirs, and its day (`happened_on` of the request,
 * or today) is neither before the step before it nor to come. 0 and the day, or IQM_EPROBLEM.
 */
int transition_check(struct iqm_call *call, const json_t *before, const char *today,
    char ret_day[static IQM_DATE_TEXT]);

/*
 * The document after the step: members of the request that the resource has are set, the others are
 * told in the new entry of `transitions`. New reference; NULL when memory is out.
 */
json_t *transition_document(const struct iqm_call *call, const json_t *before, const char *day);

#endif
