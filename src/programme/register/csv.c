/*
 * RFC 4180, strictly quoted: bytes come in pieces of any size, whole rows go out to a callback.
 * Must not guess: a quote out of place is a fault, as everything after it could be in the wrong
 * row.
 */
#include "programme/register/csv.h"

#include <stdlib.h>
#include <string.h>

enum state {
    STATE_START,  /* nothing of the field seen yet */
    STATE_PLAIN,  /* in a field without quotes */
    STATE_QUOTED, /* in a quoted field */
    STATE_QUOTE,  /* after a quote in a quoted field: its end, or half of a doubled one */
};

struct iqm_csv {
    enum iqm_encoding encoding;
    enum state state;
    iqm_csv_row_fn *row;
    void *user;
    struct iqm_csv_fault fault;
    uint64_t line, row_line;
    bool after_cr;
    char *buffer; /* the row's fields one after another */
    size_t len, capacity;
    size_t count; /* fields that are complete */
    size_t starts[IQM_CSV_COLUMNS_MAX + 1];
    struct iqm_slice fields[IQM_CSV_COLUMNS_MAX];
};

struct iqm_csv *iqm_csv_new(enum iqm_encoding encoding, iqm_csv_row_fn *row, void *user)
{
    struct iqm_csv *csv = calloc(1, sizeof(*csv));
    if (!csv)
        return NULL;
    csv->encoding = encoding;
    csv->row = row;
    csv->user = user;
    csv->line = csv->row_line = 1;
    return csv;
}

void iqm_csv_free(struct iqm_csv *csv)
{
    if (!csv)
        return;
    free(csv->buffer);
    free(csv);
}

void iqm_csv_freep(struct iqm_csv **csv)
{
    iqm_csv_free(*csv);
}

struct iqm_csv_fault iqm_csv_fault(const struct iqm_csv *csv)
{
    return csv->fault;
}

static int refuse(struct iqm_csv *csv, const char *reason)
{
    csv->fault = (struct iqm_csv_fault){csv->row_line, reason};
    return IQM_EINVAL;
}

static int grow(struct iqm_csv *csv, size_t len)
{
    size_t capacity = csv->capacity ? csv->capacity : 4096;
    while (capacity < len)
        capacity *= 2;
    char *buffer = realloc(csv->buffer, capacity);
    if (!buffer)
        return IQM_ENOMEM;
    csv->buffer = buffer;
    csv->capacity = capacity;
    return 0;
}

static int append(struct iqm_csv *csv, const char *bytes, size_t len)
{
    if (len > IQM_CSV_FIELD_MAX - (csv->len - csv->starts[csv->count]))
        return refuse(csv,
            csv->state == STATE_QUOTED
                ? "A quoted field is longer than 64 KiB: its closing quote is probably missing."
                : "A field is longer than 64 KiB.");
    if (len > IQM_CSV_ROW_MAX - csv->len)
        return refuse(csv, "The row is longer than 1 MiB.");
    if (csv->len + len > csv->capacity) {
        int r = grow(csv, csv->len + len);
        if (r < 0)
            return r;
    }
    memcpy(csv->buffer + csv->len, bytes, len);
    csv->len += len;
    return 0;
}

/* Bytes 0x80 to 0x9f of Windows-1252; the probe has refused those without a character. */
static const uint16_t high_1252[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
    0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019,
    0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e,
    0x0178};

static int append_byte(struct iqm_csv *csv, unsigned char byte)
{
    if (byte < 0x80 || csv->encoding == IQM_ENCODING_UTF8)
        return append(csv, (const char *)&byte, 1);
    unsigned point = byte < 0xa0 ? high_1252[byte - 0x80] : byte;
    char utf8[3];
    if (point < 0x800) {
        utf8[0] = (char)(0xc0 | point >> 6);
        utf8[1] = (char)(0x80 | (point & 0x3f));
        return append(csv, utf8, 2);
    }
    utf8[0] = (char)(0xe0 | point >> 12);
    utf8[1] = (char)(0x80 | (point >> 6 & 0x3f));
    utf8[2] = (char)(0x80 | (point & 0x3f));
    return append(csv, utf8, 3);
}

static int end_field(struct iqm_csv *csv)
{
    if (csv->count == IQM_CSV_COLUMNS_MAX)
        return refuse(csv, "The row has more than 1000 columns.");
    csv->starts[++csv->count] = csv->len;
    csv->state = STATE_START;
    return 0;
}

static void start_row(struct iqm_csv *csv)
{
    csv->len = csv->count = 0;
    csv->starts[0] = 0;
    csv->state = STATE_START;
    csv->row_line = csv->line;
}

static int end_row(struct iqm_csv *csv, bool ended)
{
    int r = end_field(csv);
    if (r < 0)
        return r;
    const char *base = csv->buffer ? csv->buffer : "";
    for (size_t i = 0; i < csv->count; i++)
        csv->fields[i] =
            (struct iqm_slice){base + csv->starts[i], csv->starts[i + 1] - csv->starts[i]};
    struct iqm_csv_row row = {csv->row_line, csv->fields, csv->count, ended};
    r = csv->row(csv->user, &row);
    start_row(csv);
    return r;
}

static bool row_is_empty(const struct iqm_csv *csv)
{
    return csv->count == 0 && csv->state == STATE_START;
}

/* A line break outside quotes; `byte` has been counted already. */
static int end_line(struct iqm_csv *csv)
{
    if (!row_is_empty(csv))
        return end_row(csv, true);
    start_row(csv);
    return 0;
}

static int take_unquoted(struct iqm_csv *csv, unsigned char byte)
{
    if (byte == '\r' || byte == '\n')
        return end_line(csv);
    if (byte == ',')
        return end_field(csv);
    if (csv->state == STATE_QUOTE)
        return refuse(csv, "Something follows the closing quote of a field: the row is damaged.");
    if (byte == '"' && csv->state == STATE_PLAIN)
        return refuse(csv, "A quote stands inside a field that is not quoted: the row is damaged.");
    csv->state = byte == '"' ? STATE_QUOTED : STATE_PLAIN;
    return byte == '"' ? 0 : append_byte(csv, byte);
}

static int take(struct iqm_csv *csv, unsigned char byte)
{
    bool second_of_crlf = byte == '\n' && csv->after_cr;
    csv->after_cr = byte == '\r';
    csv->line += byte == '\r' || (byte == '\n' && !second_of_crlf);
    if (csv->state == STATE_QUOTED && byte != '"')
        return append_byte(csv, byte);
    if (csv->state == STATE_QUOTED) {
        csv->state = STATE_QUOTE;
        return 0;
    }
    if (csv->state == STATE_QUOTE && byte == '"') {
        csv->state = STATE_QUOTED;
        return append_byte(csv, '"');
    }
    if (second_of_crlf) {
        csv->row_line = csv->line;
        return 0;
    }
    return take_unquoted(csv, byte);
}

/* How many bytes from here on are the field's own, so that they can be copied in one go. */
static size_t ordinary_run(const struct iqm_csv *csv, const char *bytes, size_t len)
{
    if (csv->state != STATE_QUOTED && csv->state != STATE_PLAIN)
        return 0;
    size_t run = 0;
    while (run < len) {
        unsigned char byte = (unsigned char)bytes[run];
        if (byte == '"' || byte == ',' || byte == '\r' || byte == '\n' || byte >= 0x80)
            break;
        run++;
    }
    return run;
}

int iqm_csv_push(struct iqm_csv *csv, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t run = ordinary_run(csv, bytes + at, len - at);
        int r = run > 0 ? append(csv, bytes + at, run) : take(csv, (unsigned char)bytes[at]);
        if (r != 0)
            return r;
        if (run > 0)
            csv->after_cr = false;
        at += run > 0 ? run : 1;
    }
    return 0;
}

int iqm_csv_finish(struct iqm_csv *csv)
{
    if (csv->state == STATE_QUOTED)
        return refuse(csv,
            "The file ends inside a quoted field of this row: it is truncated, or a closing quote "
            "is missing.");
    return row_is_empty(csv) ? 0 : end_row(csv, false);
}
