/* Lists as files: everything that a list would page through, from one snapshot. */
#ifndef IQM_RESOURCE_EXPORT_H
#define IQM_RESOURCE_EXPORT_H

#include "fields.h"
#include "iqm/table.h"
#include "iqm/walk.h"
#include "iqm/workbook.h"
#include "listing.h"

/* An export has so many rows at most; one that has more breaks off. */
#define EXPORT_ROWS_MAX 10000000

struct exporting;

/* How rows are written. Each returns 0 or a negative error. */
struct export_format {
    const char *name;       /* of the parameter `format`, and of the file */
    const char *media_type; /* as of the contract */
    const char *content_type;
    bool is_slow; /* its functions are called in a thread of the pool, and it ends with a file */
    int (*begin)(struct exporting *exporting);
    int (*row)(struct exporting *exporting, struct iqm_slice document);
    int (*end)(struct exporting *exporting);
};

struct exporting {
    struct iqm_call *call;
    const struct export_format *format;
    struct listing *listing;
    struct iqm_walk walk;
    const struct iqm_slice *documents; /* of the fetch under way */
    size_t document_count;
    size_t rows; /* written so far */
    bool answered, given, ended;
    int error;
    struct iqm_buffer text; /* written, and not sent yet */
    struct wanted_fields fields;
    struct iqm_table *table;
    struct iqm_slice *cells;
    struct iqm_workbook *workbook;
    int file; /* the workbook when it is whole; -1 before */

    /* That people's data is given out. */
    struct iqm_pg_batch note;
    struct iqm_pg_value note_values[2];
};

/* The format that the request asks for; NULL: a page of the list. */
const struct export_format *export_wanted(const struct iqm_call *call);

/* 400 where `fields` is asked of what has whole documents. 0 or IQM_EPROBLEM. */
int export_refuse_fields(struct iqm_call *call);

void export_list(
    struct iqm_call *call, const struct export_format *format, struct listing *listing);

extern const struct export_format export_csv, export_ndjson, export_json, export_xlsx;

#endif
