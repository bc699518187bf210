/* Which members of documents a request asks for: the parameter `fields`. */
#ifndef IQM_RESOURCE_FIELDS_H
#define IQM_RESOURCE_FIELDS_H

#include "iqm/buffer.h"
#include "iqm/call.h"

struct wanted_fields {
    struct iqm_slice list; /* "id,name"; ptr NULL: all */
};

/* Reads and checks it, for documents of this schema. 0, or IQM_EPROBLEM (400) with call->problem
 * set. */
int wanted_fields_read(struct iqm_call *call, uint16_t schema, struct wanted_fields *ret_fields);

/* Whether a member is among them; `user` is the wanted_fields. */
bool wanted_fields_have(const char *member, void *user);

/* Adds the document, or of it what is wanted. */
void wanted_fields_write(
    const struct wanted_fields *fields, struct iqm_slice document, struct iqm_buffer *out);

#endif
