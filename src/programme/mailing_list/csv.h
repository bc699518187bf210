/* Writing CSV (RFC 4180) that a spreadsheet can be trusted with. */
#ifndef IQM_PROGRAMME_MAILING_LIST_CSV_H
#define IQM_PROGRAMME_MAILING_LIST_CSV_H

#include "iqm/base.h"

/* Text that grows, in memory of its own: free(bytes). */
struct growing {
    char *bytes;
    size_t length, room;
    bool failed; /* memory ran out */
};

void growing_add(struct growing *text, const char *bytes, size_t len);

/* One record: its fields, then CR LF. A field is quoted where it must be; one that a spreadsheet
 * would take for a formula begins with an apostrophe. */
void csv_add_record(struct growing *text, const char *const *fields, size_t count);

#endif
