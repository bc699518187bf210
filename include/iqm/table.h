/*
 * Documents as rows of a table: a column for each member, and for each member of a member that is
 * an object ("address.town"); lists stay whole. Cells are cut out of the document's text.
 */
#ifndef IQM_TABLE_H
#define IQM_TABLE_H

#include "iqm/arena.h"
#include "iqm/contract.h"

#define IQM_TABLE_COLUMNS_MAX 256
#define IQM_TABLE_DEPTH_MAX 3

enum iqm_cell { IQM_CELL_TEXT, IQM_CELL_NUMBER, IQM_CELL_DATE, IQM_CELL_TIME, IQM_CELL_BOOLEAN };

struct iqm_column {
    const char *name;
    uint8_t kind;    /* enum iqm_cell */
    uint16_t schema; /* of its values; IQM_NO_SCHEMA where a table is not of a schema */
};

struct iqm_table_part;

struct iqm_table {
    struct iqm_column columns[IQM_TABLE_COLUMNS_MAX];
    size_t column_count;
    struct iqm_table_part *parts; /* members of the document */
};

/*
 * The table of a schema, in the arena; of the members named in `wanted` only, in the order of the
 * contract, or of all where it is NULL. A member whose schema says no more than that it is an
 * object (a version's `document`) is taken to be of the schema `inner`, unless that is
 * IQM_NO_SCHEMA. 0, IQM_ENOMEM or IQM_ELIMIT.
 */
int iqm_table_make(struct iqm_arena *arena, const struct iqm_contract *contract, uint16_t schema,
    uint16_t inner, bool (*wanted)(const char *member, void *user), void *user,
    struct iqm_table **ret_table);

/* Fills a cell for each column with the value's JSON text; ptr NULL: absent or null. The document
 * is borrowed. */
void iqm_table_read(
    const struct iqm_table *table, struct iqm_slice document, struct iqm_slice *cells);

/* The text of a JSON string as it stands in a document; anything else as it is. What has escapes is
 * decoded into the arena. ptr NULL when memory is out. */
struct iqm_slice iqm_cell_text(struct iqm_arena *arena, struct iqm_slice cell);

#endif
