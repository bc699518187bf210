/*
 * A list as a file: rows of documents, written as CSV, lines of JSON, one JSON object or a
 * workbook, which may have a sheet for each of several, and sent as the client takes them. Where
 * the rows come from is the operation's own: it gives some whenever `next` is called. A workbook is
 * whole only at its end: it is put together in threads of the pool and then sent from its file.
 */
#ifndef IQM_EXPORT_H
#define IQM_EXPORT_H

#include "iqm/buffer.h"
#include "iqm/call.h"
#include "iqm/table.h"
#include "iqm/workbook.h"

/* A file has so many rows at most; one that has more breaks off. */
#define IQM_EXPORT_ROWS_MAX 10000000

struct iqm_export;
struct iqm_wanted_fields;

/* How rows are written. Each returns 0 or a negative error. */
struct iqm_export_format {
    const char *name;       /* of the parameter `format`, and of the file */
    const char *media_type; /* as of the contract */
    const char *content_type;
    bool is_slow; /* its functions are called in a thread of the pool, and it ends with a file */
    int (*begin)(struct iqm_export *export);
    int (*sheet)(struct iqm_export *export); /* NULL: it has one table */
    int (*row)(struct iqm_export *export, struct iqm_slice document);
    int (*end)(struct iqm_export *export);
};

struct iqm_export {
    struct iqm_call *call;
    void *user; /* the operation's own */
    const struct iqm_export_format *format;
    const char *name;      /* of the sheet: "school" */
    const char *file_name; /* without day and ending: "schools" */
    uint16_t schema;       /* of the documents */
    const char *only; /* members of a document that are asked for, parted by commas; NULL: all */
    const struct iqm_resource *versions_of; /* whose versions they are; NULL: none's */

    /* Wants more rows: now or later iqm_export_rows, iqm_export_close or iqm_call_break. */
    void (*next)(struct iqm_export *export);

    bool answered; /* the answer has begun: what goes wrong can only break it off */

    /* The export's own. */
    const struct iqm_slice *documents;
    size_t document_count;
    struct iqm_arena *arena;
    size_t rows; /* written so far */
    bool given, ended, is_counted;
    int error;
    struct iqm_buffer text; /* written, and not sent yet */
    struct iqm_wanted_fields *fields;
    struct iqm_table *table;
    struct iqm_slice *cells;
    struct iqm_workbook *workbook;
    int file; /* the workbook when it is whole; -1 before */
};

/* The format that the request asks for, by `format` or by Accept, of those that the operation has;
 * NULL: a page of the list, or the document. */
const struct iqm_export_format *iqm_export_wanted(const struct iqm_call *call);

/* 400 where `fields` is asked of what has whole documents. 0 or IQM_EPROBLEM. */
int iqm_export_refuse_fields(struct iqm_call *call);

/* Reads and checks what else the request asks of a file. The first nine members are set, the rest
 * is zero. 0, or IQM_EPROBLEM with call->problem set, when nothing is held. */
int iqm_export_prepare(struct iqm_export *export);

/* Begins the answer; then `next` is called, but not for HEAD. */
void iqm_export_answer(struct iqm_export *export);

/* Writes rows and sends them; `next` follows. What is passed, and the arena, which is for decoding,
 * must stay until then; a document whose ptr is NULL is passed over. */
void iqm_export_rows(struct iqm_export *export, const struct iqm_slice *documents, size_t count,
    struct iqm_arena *arena);

/* Begins another sheet, for documents of that schema with `only` these members; of a workbook
 * alone. `next` follows. The strings are borrowed. */
void iqm_export_sheet(
    struct iqm_export *export, const char *name, uint16_t schema, const char *only);

/* There are no more. */
void iqm_export_close(struct iqm_export *export);

/* Frees what it holds, which is nothing where format is NULL; of the call's `release`. */
void iqm_export_release(struct iqm_export *export);

#endif
