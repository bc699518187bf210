/* Which members of documents a request asks for: the parameter `fields`. */
#ifndef IQM_WANTED_FIELDS_H
#define IQM_WANTED_FIELDS_H

#include "iqm/buffer.h"
#include "iqm/call.h"

struct iqm_wanted_fields {
    struct iqm_slice list; /* "id,name"; ptr NULL: all */
};

/* The next name of a list that has one, which is taken off it. */
struct iqm_slice iqm_wanted_fields_next(struct iqm_slice *list);

/* Reads and checks it, for documents of this schema. 0, or IQM_EPROBLEM (400) with call->problem
 * set. */
int iqm_wanted_fields_read(
    struct iqm_call *call, uint16_t schema, struct iqm_wanted_fields *ret_fields);

/* Whether a member is among them; `user` is the iqm_wanted_fields. */
bool iqm_wanted_fields_have(const char *member, void *user);

/* Adds the document, or of it what is wanted. */
void iqm_wanted_fields_write(
    const struct iqm_wanted_fields *fields, struct iqm_slice document, struct iqm_buffer *out);

#endif
