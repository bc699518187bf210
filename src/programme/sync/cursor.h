/* Where a program's sync stands, as text that only this server makes: `since`. */
#ifndef IQM_PROGRAMME_SYNC_CURSOR_H
#define IQM_PROGRAMME_SYNC_CURSOR_H

#include "iqm/call.h"

/* Fields of the database's cursor (migrations, sync_cursor), in its order. */
enum sync_field {
    SYNC_PHASE,
    SYNC_PLACE,
    SYNC_AFTER,
    SYNC_XID,
    SYNC_RECORD,
    SYNC_SIGHT,
    SYNC_DOUBT,
    SYNC_UNTIL,
    SYNC_CEILING,
    SYNC_DAY,
    SYNC_FIELDS
};

struct sync_cursor {
    const char *epoch, *actor;
    const char *fields[SYNC_FIELDS]; /* in order; NULL where there is none */
};

/* The text for a client, in the arena; NULL when memory is out. `fields` as the database wrote
 * them, separated by spaces. */
const char *sync_cursor_write(struct iqm_call *call, const char *epoch, const char *fields);

/* Reads it back: 0, IQM_EINVAL when this server did not write it, or IQM_ENOMEM. */
int sync_cursor_read(struct iqm_call *call, struct iqm_slice text, struct sync_cursor *ret_cursor);

#endif
