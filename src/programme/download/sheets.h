/* What a file of the programme is made of: sheets of rows, whichever format it has. */
#ifndef IQM_DOWNLOAD_SHEETS_H
#define IQM_DOWNLOAD_SHEETS_H

#include "iqm/archive.h"
#include "iqm/programme_file.h"
#include "iqm/workbook.h"

#define SHEET_NAME 32

struct sheets;

struct sheets_format {
    int (*begin)(struct sheets *sheets);
    int (*sheet)(struct sheets *sheets, const char *name, const struct iqm_table *table);
    int (*row)(struct sheets *sheets, struct iqm_arena *arena, const struct iqm_slice *cells);
    int (*end)(struct sheets *sheets);
    bool marks_formulas; /* by an apostrophe in front of a text: iqm/csv.h */
};

/* A file under way; freed by sheets_free. */
struct sheets {
    const struct iqm_programme_file *file;
    const struct sheets_format *format;
    const struct iqm_table *table; /* of the sheet */
    struct iqm_workbook *workbook;
    struct iqm_archive *zip;
    struct iqm_buffer text;   /* of the sheet, and not in the archive yet */
    struct iqm_buffer packed; /* the archive's bytes that are not handed on yet */
};

extern const struct sheets_format sheets_csv, sheets_xlsx;

void sheets_free(struct sheets *sheets);

/* A list of the contract. */
struct list {
    const struct iqm_resource *resource;
    char name[SHEET_NAME]; /* of its sheet: from its path */
    struct iqm_table *table;
    uint64_t total;
};

/* All lists that head office may read as documents, in the order of the contract, in the arena. */
int lists_find(struct iqm_arena *arena, struct list **ret_lists, size_t *ret_count);

/* Writes the dictionary of their columns, and the note of what the file is, as sheets. */
int dictionary_write(
    struct sheets *sheets, struct iqm_arena *arena, const struct list *lists, size_t count);
int note_write(struct sheets *sheets, struct iqm_arena *arena, const struct list *lists,
    size_t count, const char *snapshot_at);

/* The documents of a list as rows, a few at a time. */
struct rows {
    const struct iqm_programme_file *file;
    const struct iqm_resource *resource;
    struct iqm_arena *arena;           /* of the last fetch */
    const struct iqm_slice *documents; /* opened; ptr NULL: of a person who was erased */
    size_t count;                      /* 0: there are no more */
    unsigned most;
    PGresult *fetched;
};

int rows_open(
    struct rows *rows, const struct iqm_programme_file *file, const struct iqm_resource *resource);
int rows_fetch(struct rows *rows);
void rows_close(struct rows *rows);

#endif
