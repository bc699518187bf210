/*
 * Fuzz target: a register file of any bytes, through probe, reader, header and records.
 * What must hold: no crash; rows do not depend on how the bytes were cut; reports are valid UTF-8.
 */
#include "programme/register/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct iqm_register_columns columns;
    struct iqm_register_report report;
    bool has_header;
    uint64_t rows, fields, bytes;
};

static int take_row(void *user, const struct iqm_csv_row *row)
{
    struct reading *reading = user;
    json_t *record = NULL;
    reading->rows++;
    reading->fields += row->count;
    for (size_t i = 0; i < row->count; i++)
        reading->bytes = reading->bytes * 31 + row->fields[i].len;
    if (!reading->has_header) {
        int r = iqm_register_header(row, &reading->report, &reading->columns);
        reading->has_header = r == 0;
        return r;
    }
    int r = iqm_register_record(&reading->columns, row, &reading->report, &record);
    if (r == 0) {
        char *text = json_dumps(record, JSON_COMPACT);
        if (!text)
            abort();
        free(text);
    }
    json_decref(record);
    return 0;
}

static void read_in_pieces(enum iqm_encoding encoding, const char *bytes, size_t len, size_t piece,
    struct reading *reading)
{
    struct iqm_csv *csv = iqm_csv_new(encoding, take_row, reading);
    int r = csv ? 0 : IQM_ENOMEM;
    for (size_t at = 0; at < len && r == 0; at += piece)
        r = iqm_csv_push(csv, bytes + at, len - at < piece ? len - at : piece);
    if (r == 0)
        iqm_csv_finish(csv);
    iqm_csv_free(csv);
    json_t *errors = iqm_register_notes_json(&reading->report.errors);
    json_t *warnings = iqm_register_notes_json(&reading->report.warnings);
    if (!errors || !warnings)
        abort();
    json_decref(errors);
    json_decref(warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_probe probe;
    enum iqm_encoding encoding = IQM_ENCODING_UTF8;
    size_t skip = 0;
    struct iqm_csv_fault fault;
    const char *bytes = (const char *)data;
    iqm_probe_init(&probe);
    iqm_probe_push(&probe, bytes, size);
    if (iqm_probe_finish(&probe, &encoding, &skip, &fault) < 0)
        return 0;
    struct reading whole = {0}, cut = {0};
    read_in_pieces(encoding, bytes + skip, size - skip, size, &whole);
    read_in_pieces(encoding, bytes + skip, size - skip, 3, &cut);
    if (whole.rows != cut.rows || whole.fields != cut.fields || whole.bytes != cut.bytes ||
        whole.report.errors.total != cut.report.errors.total)
        abort();
    iqm_register_report_free(&whole.report);
    iqm_register_report_free(&cut.report);
    return 0;
}
