/* What making a request in public and confirming it have in common. */
#ifndef IQM_PROGRAMME_REQUEST_VERIFICATION_VERIFICATION_H
#define IQM_PROGRAMME_REQUEST_VERIFICATION_VERIFICATION_H

#include "programme/step.h"

#define VERIFICATION_CODE_DIGITS 8
#define VERIFICATION_MINUTES 30

/* Makes a value of the step the keyed hash of the code of this verification. IQM_ENOMEM. */
int verification_hash(struct step *step, unsigned value, const char *id, struct iqm_slice code);

#endif
