/* Records that a document names, read along with it. */
#ifndef IQM_RESOURCE_INCLUDE_H
#define IQM_RESOURCE_INCLUDE_H

#include "iqm/wanted_fields.h"
#include "read.h"

#define INCLUDES_MAX 8
/* Records of each kind that an answer holds, at most; and as text, to ask for one more. */
#define INCLUDED_MAX 200
#define INCLUDED_ONE_MORE "201"

struct including {
    struct reading *reading;
    const struct iqm_include *all;
    struct iqm_wanted_fields asked;
    unsigned parts[INCLUDES_MAX]; /* places in `all` of what is asked */
    unsigned count, part;         /* the one that is being opened */
    struct iqm_slice *documents;  /* by row */
    int first[INCLUDES_MAX + 1];  /* rows of the parts */
    struct iqm_vault_opening opening;
};

/* Columns of the statement. */
enum included_column { INCLUDED_PART, INCLUDED_DOC };

/* The include that a part is of. */
const struct iqm_include *included_of(const struct including *including, unsigned part);

/* Finds what is asked, and sets what the caller needs for it. 0 or IQM_ENOMEM. */
int include_ask(struct including *including, struct iqm_call *call);

/* The statement that reads it all, the document by its id as $1: rows of part 0, which is the
 * document, 1, 2 … in this order; and its name. Both in the arena, NULL when memory is out. */
const char *include_sql(const struct including *including, struct iqm_call *call);
const char *include_sql_name(const struct including *including, struct iqm_call *call);

#endif
