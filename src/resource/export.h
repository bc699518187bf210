/* Lists and histories as files: everything that they would page through, from one snapshot. */
#ifndef IQM_RESOURCE_EXPORT_H
#define IQM_RESOURCE_EXPORT_H

#include "iqm/export.h"
#include "iqm/walk.h"

/* Where the rows of a file come from. */
struct export_source {
    const char *sql; /* opens IQM_WALK_CURSOR */
    const struct iqm_pg_value *values;
    unsigned value_count;
    int column; /* of the documents in the rows */
    /* What is written of a row, in the arena, ptr NULL when memory is out. The document is open,
     * with ptr NULL where the row has none. NULL: the document, and without one nothing. */
    struct iqm_slice (*item)(
        struct iqm_arena *arena, const PGresult *rows, int row, struct iqm_slice document);
    bool is_of_record; /* without a row the record is not there */
};

/* Answers the call with a file; the source is borrowed until its end. `schema`: of an item.
 * `name`: of the file, without day and ending. */
void export_rows(struct iqm_call *call, const struct iqm_export_format *format,
    const struct export_source *source, uint16_t schema, const char *name);

#endif
