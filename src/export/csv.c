/* Records of CSV; knows nobody's data. */
#include "iqm/csv.h"

#include <stdlib.h>
#include <string.h>

static bool needs_quotes(struct iqm_slice field)
{
    for (size_t i = 0; i < field.len; i++) {
        char c = field.ptr[i];
        if (c == '"' || c == ',' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}

static void add_quoted(struct iqm_buffer *out, struct iqm_slice field)
{
    const char *rest = field.ptr, *end = field.ptr + field.len;

    for (const char *quote; (quote = memchr(rest, '"', (size_t)(end - rest))) != NULL;
         rest = quote + 1) {
        iqm_buffer_add(out, rest, (size_t)(quote - rest) + 1);
        iqm_buffer_add(out, "\"", 1);
    }
    iqm_buffer_add(out, rest, (size_t)(end - rest));
}

static void add(struct iqm_csv *csv, const char *before, struct iqm_slice field)
{
    bool quoted = needs_quotes(field);

    if (csv->begun)
        iqm_buffer_add(csv->out, ",", 1);
    csv->begun = true;
    if (quoted)
        iqm_buffer_add(csv->out, "\"", 1);
    iqm_buffer_text(csv->out, before);
    if (quoted)
        add_quoted(csv->out, field);
    else
        iqm_buffer_add(csv->out, field.ptr, field.len);
    if (quoted)
        iqm_buffer_add(csv->out, "\"", 1);
}

/* Also by the wide forms of these signs, which spreadsheets in some languages take for them. */
static bool looks_like_formula(struct iqm_slice field)
{
    static const char *const wide[] = {"\uff1d", "\uff0b", "\uff0d", "\uff20"};

    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (field.len >= 3 && memcmp(field.ptr, wide[i], 3) == 0)
            return true;
    }
    return field.len > 0 && memchr("=+-@\t\r\n", field.ptr[0], 7) != NULL;
}

void iqm_csv_text(struct iqm_csv *csv, struct iqm_slice field)
{
    add(csv, looks_like_formula(field) ? "'" : "", field);
}

void iqm_csv_plain(struct iqm_csv *csv, struct iqm_slice field)
{
    add(csv, "", field);
}

static void add_json(struct iqm_csv *csv, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text != NULL)
        iqm_csv_plain(csv, (struct iqm_slice){text, strlen(text)});
    csv->out->failed = csv->out->failed || text == NULL;
    free(text);
}

void iqm_csv_value(struct iqm_csv *csv, const json_t *value)
{
    if (json_is_string(value))
        iqm_csv_text(csv, (struct iqm_slice){json_string_value(value), json_string_length(value)});
    else if (value == NULL || json_is_null(value))
        iqm_csv_plain(csv, IQM_SLICE(""));
    else
        add_json(csv, value);
}

void iqm_csv_end(struct iqm_csv *csv)
{
    iqm_buffer_add(csv->out, "\r\n", 2);
    csv->begun = false;
}

void iqm_csv_record(struct iqm_buffer *out, const char *const *fields, size_t count)
{
    struct iqm_csv csv = {.out = out};

    for (size_t i = 0; i < count; i++)
        iqm_csv_text(&csv, (struct iqm_slice){fields[i], strlen(fields[i])});
    iqm_csv_end(&csv);
}

void iqm_csv_head(struct iqm_buffer *out, const struct iqm_table *table)
{
    struct iqm_csv csv = {.out = out};

    for (size_t i = 0; i < table->column_count; i++)
        iqm_csv_plain(
            &csv, (struct iqm_slice){table->columns[i].name, strlen(table->columns[i].name)});
    iqm_csv_end(&csv);
}

/* Only text may hold what a spreadsheet would take for a formula. */
int iqm_csv_row(struct iqm_buffer *out, struct iqm_arena *arena, const struct iqm_table *table,
    const struct iqm_slice *cells)
{
    struct iqm_csv csv = {.out = out};

    for (size_t i = 0; i < table->column_count; i++) {
        struct iqm_slice text = iqm_cell_text(arena, cells[i]);
        if (cells[i].ptr == NULL)
            iqm_csv_plain(&csv, IQM_SLICE(""));
        else if (text.ptr == NULL)
            return IQM_ENOMEM;
        else if (*cells[i].ptr == '"')
            iqm_csv_text(&csv, text);
        else
            iqm_csv_plain(&csv, text);
    }
    iqm_csv_end(&csv);
    return out->failed ? IQM_ENOMEM : 0;
}
