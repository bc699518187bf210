/* Walking over the top-level members of a JSON object's text, which is known to be well formed. */
#ifndef IQM_VAULT_MEMBERS_H
#define IQM_VAULT_MEMBERS_H

#include "iqm/base.h"

struct members {
    const char *at, *end;
    struct iqm_slice name;  /* without quotes; names of the contract have no escapes */
    struct iqm_slice value; /* as it stands, with quotes where it is a string */
};

void members_open(struct members *members, struct iqm_slice object);

/* Whether there was one more; then name and value are its. */
bool members_next(struct members *members);

#endif
