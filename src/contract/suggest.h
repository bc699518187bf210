/* "Did you mean …?" for validate.c. */
#ifndef IQM_CONTRACT_SUGGEST_H
#define IQM_CONTRACT_SUGGEST_H

#include "iqm/contract.h"

/* The member whose name is at most two edits away from `name`, the nearest first; or NULL. */
const char *iqm_suggest_member(const struct iqm_schema *schema, const char *name, size_t len);

#endif
