/*
 * A workbook for spreadsheets (ISO/IEC 29500, "xlsx"), by libxlsxwriter in constant memory: rows go
 * into files without a name as they come. Slow work: not for a thread with a loop.
 */
#ifndef IQM_WORKBOOK_H
#define IQM_WORKBOOK_H

#include "iqm/table.h"

/* What a spreadsheet takes: rows of a sheet, and units of UTF-16 of a cell (its specification). */
#define IQM_SHEET_ROWS_MAX 1048576
#define IQM_SHEET_TEXT_MAX 32767

struct iqm_workbook;

/* A new workbook; its files are in `directory`. NULL: memory or the directory fails. */
struct iqm_workbook *iqm_workbook_new(const char *directory);

/* Begins a sheet: a row of names that stays in sight, and a filter over the columns. Names of
 * sheets are cut to 31 characters. What it is given is borrowed until the next sheet or the end. 0
 * or IQM_EIO, as of all of these. */
int iqm_workbook_sheet(
    struct iqm_workbook *workbook, const char *name, const struct iqm_table *table);

/* Adds a row; one beyond the most a sheet takes begins another sheet. Cells as of iqm_table_read;
 * `arena` is for decoding them. Text beyond the most is cut, with "…" at its end; what XML cannot
 * hold becomes U+FFFD. */
int iqm_workbook_row(
    struct iqm_workbook *workbook, struct iqm_arena *arena, const struct iqm_slice *cells);

/* Ends it. `ret_fd`: the file, at its start; the caller's to close. The workbook is used up. */
int iqm_workbook_end(struct iqm_workbook *workbook, int *ret_fd);

/* Frees one that is not ended. Accepts NULL. */
void iqm_workbook_free(struct iqm_workbook *workbook);

#endif
