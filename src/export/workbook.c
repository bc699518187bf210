/* Sheets by libxlsxwriter. Its files are unlinked as soon as they are open. */
#include "iqm/workbook.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#define SHEET_NAME_MAX 31
#define COLUMN_WIDTH 18
#define TIME_COLUMN_WIDTH 20

struct iqm_workbook {
    lxw_workbook *book;
    lxw_worksheet *sheet;
    lxw_format *head, *formats[IQM_CELL_BOOLEAN + 1];
    char *directory;
    const struct iqm_table *table;
    const char *name;
    unsigned continued; /* how often the sheet has been continued on another */
    lxw_row_t row;
    int fd;
};

/* A file without a name, as which another can open it. */
static int open_nameless(const char *directory, char path[32])
{
    char *name = NULL;

    if (asprintf(&name, "%s/workbook.XXXXXX", directory) < 0)
        return -1;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    free(name);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void make_formats(struct iqm_workbook *workbook)
{
    lxw_format **formats = workbook->formats;

    workbook->head = workbook_add_format(workbook->book);
    format_set_bold(workbook->head);
    formats[IQM_CELL_DATE] = workbook_add_format(workbook->book);
    format_set_num_format(formats[IQM_CELL_DATE], "yyyy-mm-dd");
    formats[IQM_CELL_TIME] = workbook_add_format(workbook->book);
    format_set_num_format(formats[IQM_CELL_TIME], "yyyy-mm-dd hh:mm:ss");
}

struct iqm_workbook *iqm_workbook_new(const char *directory)
{
    struct iqm_workbook *workbook = calloc(1, sizeof *workbook);
    char path[32];

    if (workbook == NULL)
        return NULL;
    workbook->directory = strdup(directory);
    workbook->fd = workbook->directory != NULL ? open_nameless(directory, path) : -1;
    lxw_workbook_options options = {
        .constant_memory = LXW_TRUE, .tmpdir = workbook->directory, .use_zip64 = LXW_FALSE};
    if (workbook->fd >= 0)
        workbook->book = workbook_new_opt(path, &options);
    if (workbook->book == NULL) {
        iqm_workbook_free(workbook);
        return NULL;
    }
    make_formats(workbook);
    return workbook;
}

static void end_sheet(struct iqm_workbook *workbook)
{
    if (workbook->sheet != NULL && workbook->table->column_count > 0)
        worksheet_autofilter(workbook->sheet, 0, 0, workbook->row > 1 ? workbook->row - 1 : 0,
            (lxw_col_t)(workbook->table->column_count - 1));
}

static void write_head(struct iqm_workbook *workbook)
{
    const struct iqm_table *table = workbook->table;

    for (size_t i = 0; i < table->column_count; i++) {
        worksheet_set_column(workbook->sheet, (lxw_col_t)i, (lxw_col_t)i,
            table->columns[i].kind == IQM_CELL_TIME ? TIME_COLUMN_WIDTH : COLUMN_WIDTH, NULL);
        worksheet_write_string(
            workbook->sheet, 0, (lxw_col_t)i, table->columns[i].name, workbook->head);
    }
    worksheet_freeze_panes(workbook->sheet, 1, 0);
    workbook->row = 1;
}

static int add_sheet(struct iqm_workbook *workbook)
{
    char name[SHEET_NAME_MAX + 1];

    end_sheet(workbook);
    if (workbook->continued > 0)
        snprintf(name, sizeof name, "%.24s %u", workbook->name, workbook->continued + 1);
    else
        snprintf(name, sizeof name, "%s", workbook->name);
    workbook->sheet = workbook_add_worksheet(workbook->book, name);
    if (workbook->sheet == NULL)
        return IQM_EIO;
    write_head(workbook);
    return 0;
}

int iqm_workbook_sheet(
    struct iqm_workbook *workbook, const char *name, const struct iqm_table *table)
{
    end_sheet(workbook);
    workbook->sheet = NULL;
    workbook->name = name;
    workbook->table = table;
    workbook->continued = 0;
    return add_sheet(workbook);
}

static int number_in(const char *text, int length)
{
    int number = 0;

    for (int i = 0; i < length; i++)
        number = number * 10 + (text[i] - '0');
    return number;
}

static double read_number(struct iqm_slice text)
{
    char digits[40];

    snprintf(digits, sizeof digits, "%.*s", (int)text.len, text.ptr);
    return strtod(digits, NULL);
}

/* A spreadsheet's calendar begins in 1900; what is before stays text. */
static bool read_time(struct iqm_slice text, bool with_time, lxw_datetime *ret_time)
{
    const char *p = text.ptr;

    if (text.len < (with_time ? 20U : 10U) || number_in(p, 4) < 1900)
        return false;
    *ret_time = (lxw_datetime){
        .year = number_in(p, 4), .month = number_in(p + 5, 2), .day = number_in(p + 8, 2)};
    if (with_time) {
        ret_time->hour = number_in(p + 11, 2);
        ret_time->min = number_in(p + 14, 2);
        ret_time->sec = number_in(p + 17, 2);
    }
    return true;
}

/* The bytes of the longest start with at most `most` units of UTF-16, in which the format counts.
 */
static size_t start_of(struct iqm_slice text, size_t most)
{
    size_t units = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c & 0xC0) != 0x80)
            units += c >= 0xF0 ? 2 : 1;
        if (units > most)
            return i;
    }
    return text.len;
}

/* U+FFFE and U+FFFF, which no XML may hold, become U+FFFD. */
static char *without_noncharacters(char *text)
{
    for (char *p = text; p != NULL && (p = strstr(p, "\xEF\xBF")) != NULL; p += 2) {
        if (p[2] == '\xBE' || p[2] == '\xBF')
            p[2] = '\xBD';
    }
    return text;
}

/* Whether "_x0041_" begins here, which a reader takes for "A". */
static bool looks_escaped(const char *at, const char *end)
{
    return end - at >= 7 && at[0] == '_' && at[1] == 'x' && at[6] == '_' &&
           strspn(at + 2, "0123456789ABCDEFabcdef") >= 4;
}

/* The text so that readers find it again (ISO/IEC 29500-1, ST_Xstring): such an underscore is
 * written as "_x005F_". ptr NULL when memory is out. */
static struct iqm_slice escaped(struct iqm_arena *arena, struct iqm_slice text)
{
    static const char underscore[] = "_x005F_";
    const char *end = text.ptr + text.len;
    size_t count = 0;

    for (const char *p = text.ptr; p < end; p++)
        count += looks_escaped(p, end);
    if (count == 0)
        return text;
    char *out = iqm_arena_bytes(arena, text.len + count * (sizeof underscore - 2) + 1), *to = out;
    for (const char *p = text.ptr; out != NULL && p < end; p++) {
        if (looks_escaped(p, end))
            to = mempcpy(to, underscore, sizeof underscore - 1);
        else
            *to++ = *p;
    }
    return (struct iqm_slice){out, (size_t)(to - out)};
}

static const char *shown(struct iqm_arena *arena, struct iqm_slice text)
{
    text = escaped(arena, text);
    if (text.ptr == NULL)
        return NULL;
    if (start_of(text, IQM_SHEET_TEXT_MAX) == text.len)
        return without_noncharacters(iqm_arena_copy(arena, text.ptr, text.len));
    size_t length = start_of(text, IQM_SHEET_TEXT_MAX - 1);
    return without_noncharacters(iqm_arena_printf(arena, "%.*s…", (int)length, text.ptr));
}

static lxw_error write_text(
    struct iqm_workbook *workbook, struct iqm_arena *arena, lxw_col_t column, struct iqm_slice text)
{
    const char *string = text.ptr != NULL ? shown(arena, text) : NULL;

    return string != NULL
               ? worksheet_write_string(workbook->sheet, workbook->row, column, string, NULL)
               : LXW_ERROR_MEMORY_MALLOC_FAILED;
}

static lxw_error write_cell(
    struct iqm_workbook *workbook, struct iqm_arena *arena, lxw_col_t column, struct iqm_slice cell)
{
    uint8_t kind = workbook->table->columns[column].kind;
    struct iqm_slice text = iqm_cell_text(arena, cell);
    lxw_datetime time;

    if (kind == IQM_CELL_NUMBER)
        return worksheet_write_number(
            workbook->sheet, workbook->row, column, read_number(text), NULL);
    if (kind == IQM_CELL_BOOLEAN)
        return worksheet_write_boolean(
            workbook->sheet, workbook->row, column, *text.ptr == 't', NULL);
    if ((kind == IQM_CELL_DATE || kind == IQM_CELL_TIME) && text.ptr != NULL &&
        read_time(text, kind == IQM_CELL_TIME, &time))
        return worksheet_write_datetime(
            workbook->sheet, workbook->row, column, &time, workbook->formats[kind]);
    return write_text(workbook, arena, column, text);
}

int iqm_workbook_row(
    struct iqm_workbook *workbook, struct iqm_arena *arena, const struct iqm_slice *cells)
{
    if (workbook->row == IQM_SHEET_ROWS_MAX) {
        workbook->continued++;
        if (add_sheet(workbook) != 0)
            return IQM_EIO;
    }
    for (size_t i = 0; i < workbook->table->column_count; i++) {
        if (cells[i].ptr != NULL &&
            write_cell(workbook, arena, (lxw_col_t)i, cells[i]) != LXW_NO_ERROR)
            return IQM_EIO;
    }
    workbook->row++;
    return 0;
}

int iqm_workbook_end(struct iqm_workbook *workbook, int *ret_fd)
{
    end_sheet(workbook);
    lxw_error error = workbook_close(workbook->book);
    workbook->book = NULL;
    bool is_whole = error == LXW_NO_ERROR && lseek(workbook->fd, 0, SEEK_SET) == 0;
    if (is_whole) {
        *ret_fd = workbook->fd;
        workbook->fd = -1;
    }
    iqm_workbook_free(workbook);
    return is_whole ? 0 : IQM_EIO;
}

/* The library closes the files of rows when it puts them together, and else never. */
static void give_up(lxw_workbook *book)
{
    lxw_worksheet *sheet;

    STAILQ_FOREACH(sheet, book->worksheets, list_pointers)
    {
        if (sheet->optimize_tmpfile != NULL)
            fclose(sheet->optimize_tmpfile);
        sheet->optimize_tmpfile = NULL;
    }
    lxw_workbook_free(book);
}

void iqm_workbook_free(struct iqm_workbook *workbook)
{
    if (workbook == NULL)
        return;
    if (workbook->book != NULL)
        give_up(workbook->book);
    if (workbook->fd >= 0)
        close(workbook->fd);
    free(workbook->directory);
    free(workbook);
}
