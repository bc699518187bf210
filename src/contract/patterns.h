/* The compiled patterns of opened contracts; for validate.c only. */
#ifndef IQM_CONTRACT_PATTERNS_H
#define IQM_CONTRACT_PATTERNS_H

#include "iqm/contract.h"

/* Whether valid UTF-8 matches the pattern of a schema. A match that costs too much is none. */
bool iqm_patterns_match(const struct iqm_contract *contract, const struct iqm_schema *schema,
    const char *text, size_t len);

#endif
