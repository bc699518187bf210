/* Which roles may set which members (x-write in the contract): decided from the documents alone. */
#ifndef IQM_RESOURCE_WRITERS_H
#define IQM_RESOURCE_WRITERS_H

#include "iqm/resource.h"

/*
 * Of `roles` (a PostgreSQL array as text) those that may set every member in which `wanted` differs
 * from `before` (NULL: nothing was there), as such a text in the arena; `roles` itself when that is
 * all of them, NULL when memory is out.
 */
const char *writers_of(struct iqm_call *call, const struct iqm_resource *resource,
    const char *roles, const json_t *before, const json_t *wanted);

/* Sets the problem member_forbidden, with a pointer to each differing member that some of `roles`
 * may not set. Returns IQM_EPROBLEM. */
int writers_refuse(struct iqm_call *call, const struct iqm_resource *resource, const char *roles,
    const json_t *before, const json_t *wanted);

#endif
