/* What a person signs in with. */
#ifndef IQM_PROGRAMME_ACCOUNT_SIGN_IN_ADDRESS_H
#define IQM_PROGRAMME_ACCOUNT_SIGN_IN_ADDRESS_H

#include "iqm/arena.h"

/* The e-mail address of an opened person in lower case (of ASCII), in the arena; "" where there is
 * none. */
const char *sign_in_address(struct iqm_arena *arena, struct iqm_slice person);

#endif
