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

/* Where a cursor stands in the feed; and what its ceiling is then. */
struct sync_place {
    char xid[24], record[40], ceiling[24];
};

/* What a cursor says of what was wanted: everything, as older ones do that do not say; or nothing,
 * as those of events that began without a `since`: good for any fields. */
#define SYNC_EVERYTHING "-"
#define SYNC_ANY_SELECTION "*"

struct sync_cursor {
    const char *epoch, *actor;
    const char *fields[SYNC_FIELDS]; /* in order; NULL where there is none */
    const char *selection;           /* print of what is wanted (selection.h) */
};

/* The text for a client, in the arena; NULL when memory is out. `fields` as the database wrote
 * them, separated by spaces. */
const char *sync_cursor_write(
    struct iqm_call *call, const char *epoch, const char *fields, const char *selection);

/* Reads it back: 0, IQM_EINVAL when this server did not write it, or IQM_ENOMEM. */
int sync_cursor_read(struct iqm_call *call, struct iqm_slice text, struct sync_cursor *ret_cursor);

/* Reads a cursor of the feed that is to stand elsewhere; the place is copied. As sync_cursor_read.
 */
int sync_cursor_read_at(struct iqm_call *call, const char *text, const struct sync_place *place,
    struct sync_cursor *ret_cursor);

/* The text of a cursor that was read, of the same caller; as sync_cursor_write. */
const char *sync_cursor_again(struct iqm_call *call, const struct sync_cursor *cursor);

#endif
