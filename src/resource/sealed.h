/* Changes of records about people: what is stored is sealed under the person's key. */
#ifndef IQM_RESOURCE_SEALED_H
#define IQM_RESOURCE_SEALED_H

#include "write.h"

/* Opens the stored document; then `next`, or the change fails. The text must stay until then. */
void sealed_open(struct writing *writing, struct iqm_slice stored,
    void (*next)(struct writing *writing, struct iqm_slice text));

/* Sets writing->stored to writing->document sealed; then `next`, or the change fails. A new person
 * gets a key: so call it for a known caller only. */
void sealed_seal(struct writing *writing, void (*next)(struct writing *writing));

#endif
