/* Sheets as a workbook, or as files of CSV in a ZIP archive. */
#include "iqm/csv.h"
#include "programme/download/sheets.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE ((size_t)64 * 1024)
#define FILE_NAME (SHEET_NAME + 8)

/* ---- CSV ---- */

static int hand_on(struct sheets *sheets)
{
    int error = sheets->packed.failed ? IQM_ENOMEM : 0;

    if (error == 0 && sheets->packed.length > 0)
        error = sheets->file->take(sheets->file->user, sheets->packed.bytes, sheets->packed.length);
    iqm_buffer_empty(&sheets->packed);
    return error;
}

static int pack(struct sheets *sheets)
{
    int error = sheets->text.failed
                    ? IQM_ENOMEM
                    : iqm_archive_add(sheets->zip, sheets->text.bytes, sheets->text.length);

    iqm_buffer_empty(&sheets->text);
    return error == 0 && sheets->packed.length >= AT_ONCE ? hand_on(sheets) : error;
}

static int csv_begin(struct sheets *sheets)
{
    sheets->zip = iqm_archive_new(&sheets->packed);
    return sheets->zip != NULL ? 0 : IQM_ENOMEM;
}

static int csv_sheet(struct sheets *sheets, const char *name, const struct iqm_table *table)
{
    char path[FILE_NAME];
    int error = sheets->text.length > 0 ? pack(sheets) : 0;

    snprintf(path, sizeof path, "%s.csv", name);
    if (error == 0)
        error = iqm_archive_entry(sheets->zip, path, time(NULL));
    sheets->table = table;
    iqm_buffer_text(&sheets->text, IQM_CSV_MARK);
    iqm_csv_head(&sheets->text, table);
    return error;
}

static int csv_row(struct sheets *sheets, struct iqm_arena *arena, const struct iqm_slice *cells)
{
    int error = iqm_csv_row(&sheets->text, arena, sheets->table, cells);

    return error == 0 && sheets->text.length >= AT_ONCE ? pack(sheets) : error;
}

static int csv_end(struct sheets *sheets)
{
    int error = pack(sheets);

    if (error == 0)
        error = iqm_archive_end(sheets->zip);
    return error == 0 ? hand_on(sheets) : error;
}

const struct sheets_format sheets_csv = {
    csv_begin, csv_sheet, csv_row, csv_end, .marks_formulas = true};

/* ---- a workbook ---- */

static int xlsx_begin(struct sheets *sheets)
{
    sheets->workbook = iqm_workbook_new(sheets->file->directory);
    return sheets->workbook != NULL ? 0 : IQM_EIO;
}

static int xlsx_sheet(struct sheets *sheets, const char *name, const struct iqm_table *table)
{
    return iqm_workbook_sheet(sheets->workbook, name, table);
}

static int xlsx_row(struct sheets *sheets, struct iqm_arena *arena, const struct iqm_slice *cells)
{
    return iqm_workbook_row(sheets->workbook, arena, cells);
}

/* It is whole only now, in a file of its own. */
static int xlsx_end(struct sheets *sheets)
{
    struct iqm_workbook *workbook = sheets->workbook;
    char bytes[AT_ONCE];
    ssize_t length = 0;
    IQM_CLEANUP(iqm_close_fd) int fd = -1;

    sheets->workbook = NULL;
    int error = iqm_workbook_end(workbook, &fd);
    while (error == 0 && (length = read(fd, bytes, sizeof bytes)) > 0)
        error = sheets->file->take(sheets->file->user, bytes, (size_t)length);
    return error == 0 && length < 0 ? IQM_EIO : error;
}

const struct sheets_format sheets_xlsx = {
    xlsx_begin, xlsx_sheet, xlsx_row, xlsx_end, .marks_formulas = false};

void sheets_free(struct sheets *sheets)
{
    iqm_workbook_free(sheets->workbook);
    iqm_archive_free(sheets->zip);
    iqm_buffer_free(&sheets->text);
    iqm_buffer_free(&sheets->packed);
}
