/*
 * Records of CSV (RFC 4180) for people's spreadsheets: text that a spreadsheet would take for a
 * formula gets an apostrophe in front (OWASP, "CSV Injection").
 */
#ifndef IQM_CSV_H
#define IQM_CSV_H

#include "iqm/buffer.h"
#include "iqm/table.h"

#include <jansson.h>

/* What tells spreadsheets that a file is UTF-8. */
#define IQM_CSV_MARK "\xEF\xBB\xBF"

/* A record under way. */
struct iqm_csv {
    struct iqm_buffer *out; /* borrowed */
    bool begun;             /* it has a field already */
};

/* Adds a field that anybody may have written. */
void iqm_csv_text(struct iqm_csv *csv, struct iqm_slice field);

/* Adds a field of ours, such as a number, which stays as it is. */
void iqm_csv_plain(struct iqm_csv *csv, struct iqm_slice field);

/* Adds a value of JSON: a string as text, null and none as nothing, objects and arrays as JSON. */
void iqm_csv_value(struct iqm_csv *csv, const json_t *value);

/* Ends the record. */
void iqm_csv_end(struct iqm_csv *csv);

/* A whole record of texts. */
void iqm_csv_record(struct iqm_buffer *out, const char *const *fields, size_t count);

/* The names of a table's columns as a record. */
void iqm_csv_head(struct iqm_buffer *out, const struct iqm_table *table);

/* A row: cells as of iqm_table_read; `arena` is for decoding them. 0 or IQM_ENOMEM. */
int iqm_csv_row(struct iqm_buffer *out, struct iqm_arena *arena, const struct iqm_table *table,
    const struct iqm_slice *cells);

#endif
