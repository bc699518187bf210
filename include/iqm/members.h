/* Walking over the top-level members of a JSON object's text, or the items of an array's. Text that
 * is not well formed is walked over, too, but what comes of it says nothing. */
#ifndef IQM_MEMBERS_H
#define IQM_MEMBERS_H

#include "iqm/base.h"

struct iqm_members {
    const char *at, *end;
    struct iqm_slice name;  /* without quotes; names of the contract have no escapes */
    struct iqm_slice value; /* as it stands, with quotes where it is a string */
};

void iqm_members_open(struct iqm_members *members, struct iqm_slice object);

/* Whether there was one more; then name and value are its. */
bool iqm_members_next(struct iqm_members *members);

/* The value of the first member of that name; ptr NULL: there is none. */
struct iqm_slice iqm_members_find(struct iqm_slice object, const char *name);

/* The next item of an array, off the front of what is left behind its bracket; false at the end. */
bool iqm_items_next(struct iqm_slice *rest, struct iqm_slice *ret_item);

#endif
