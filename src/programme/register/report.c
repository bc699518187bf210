/*
 * What is wrong with a file, row by row, kept within bounds.
 * Must not fail: where memory is out a note is only counted.
 */
#include "programme/register/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct iqm_register_note *new_note(struct iqm_register_notes *notes)
{
    notes->total++;
    if (notes->count == IQM_REGISTER_NOTES_MAX)
        return NULL;
    if (notes->count == notes->capacity) {
        size_t capacity = notes->capacity ? notes->capacity * 2 : 16;
        void *items = reallocarray(notes->items, capacity, sizeof(*notes->items));
        if (!items)
            return NULL;
        notes->items = items;
        notes->capacity = capacity;
    }
    return &notes->items[notes->count++];
}

/* Takes off the rest of a UTF-8 sequence that the buffer's end has cut. */
static void trim_cut_sequence(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
        text[start - 1] = '\0';
}

static void add(struct iqm_register_notes *notes, uint64_t line, const char *column,
    const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

static void add(struct iqm_register_notes *notes, uint64_t line, const char *column,
    const char *format, va_list arguments)
{
    struct iqm_register_note *note = new_note(notes);
    if (!note)
        return;
    note->line = line;
    note->column = column;
    int len = vsnprintf(note->detail, sizeof(note->detail), format, arguments);
    if (len < 0)
        note->detail[0] = '\0';
    else if ((size_t)len >= sizeof(note->detail))
        trim_cut_sequence(note->detail, sizeof(note->detail) - 1);
}

void iqm_register_error(
    struct iqm_register_report *report, uint64_t line, const char *column, const char *format, ...)
{
    if (!report)
        return;
    va_list arguments;
    va_start(arguments, format);
    add(&report->errors, line, column, format, arguments);
    va_end(arguments);
}

void iqm_register_warning(
    struct iqm_register_report *report, uint64_t line, const char *column, const char *format, ...)
{
    if (!report)
        return;
    va_list arguments;
    va_start(arguments, format);
    add(&report->warnings, line, column, format, arguments);
    va_end(arguments);
}

void iqm_register_report_free(struct iqm_register_report *report)
{
    free(report->errors.items);
    free(report->warnings.items);
    *report = (struct iqm_register_report){0};
}

static json_t *note_json(const struct iqm_register_note *note)
{
    if (note->column)
        return json_pack("{s:I, s:s, s:s}", "line", (json_int_t)note->line, "column", note->column,
            "detail", note->detail);
    return json_pack("{s:I, s:s}", "line", (json_int_t)note->line, "detail", note->detail);
}

json_t *iqm_register_notes_json(const struct iqm_register_notes *notes)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < notes->count; i++)
        if (json_array_append_new(array, note_json(&notes->items[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}
