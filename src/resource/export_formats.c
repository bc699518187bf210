/* Rows of an export as CSV, lines of JSON, one JSON object, or a workbook. */
#include "export_formats.h"
#include "iqm/wanted_fields.h"

#include "iqm/csv.h"
#include "iqm/services.h"

#include <string.h>

static int outcome(const struct iqm_export *export)
{
    return export->text.failed ? IQM_ENOMEM : 0;
}

static int nothing(struct iqm_export *export)
{
    (void)export;
    return 0;
}

/* ---- CSV ---- */

static int csv_begin(struct iqm_export *export)
{
    if (iqm_slice_equal_string(iqm_call_parameter(export->call, "bom"), "true"))
        iqm_buffer_text(&export->text, IQM_CSV_MARK);
    iqm_csv_head(&export->text, export->table);
    return outcome(export);
}

static int csv_row(struct iqm_export *export, struct iqm_slice document)
{
    iqm_table_read(export->table, document, export->cells);
    return iqm_csv_row(&export->text, export->arena, export->table, export->cells);
}

const struct iqm_export_format export_csv = {.name = "csv",
    .media_type = "text/csv",
    .content_type = "text/csv; charset=utf-8",
    .begin = csv_begin,
    .row = csv_row,
    .end = nothing};

/* ---- JSON ---- */

static int ndjson_row(struct iqm_export *export, struct iqm_slice document)
{
    iqm_wanted_fields_write(export->fields, document, &export->text);
    iqm_buffer_add(&export->text, "\n", 1);
    return outcome(export);
}

const struct iqm_export_format export_ndjson = {.name = "ndjson",
    .media_type = "application/x-ndjson",
    .content_type = "application/x-ndjson",
    .begin = nothing,
    .row = ndjson_row,
    .end = nothing};

static int json_begin(struct iqm_export *export)
{
    iqm_buffer_text(&export->text, "{\"items\":[");
    return outcome(export);
}

static int json_row(struct iqm_export *export, struct iqm_slice document)
{
    if (export->rows > 0)
        iqm_buffer_add(&export->text, ",", 1);
    iqm_buffer_add(&export->text, document.ptr, document.len);
    return outcome(export);
}

static int json_end(struct iqm_export *export)
{
    iqm_buffer_text(&export->text, "],\"next\":null}");
    return outcome(export);
}

const struct iqm_export_format export_json = {.name = "json",
    .media_type = "application/json",
    .content_type = "application/json",
    .begin = json_begin,
    .row = json_row,
    .end = json_end};

/* ---- a workbook ---- */

static int xlsx_sheet(struct iqm_export *export)
{
    return iqm_workbook_sheet(export->workbook, export->name, export->table);
}

static int xlsx_begin(struct iqm_export *export)
{
    const struct iqm_services *services = export->call->services;

    export->workbook = iqm_workbook_new(services->config->spool_dir);
    return export->workbook != NULL ? xlsx_sheet(export) : IQM_EIO;
}

static int xlsx_row(struct iqm_export *export, struct iqm_slice document)
{
    iqm_table_read(export->table, document, export->cells);
    return iqm_workbook_row(export->workbook, export->arena, export->cells);
}

static int xlsx_end(struct iqm_export *export)
{
    struct iqm_workbook *workbook = export->workbook;

    export->workbook = NULL;
    return iqm_workbook_end(workbook, &export->file);
}

#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const struct iqm_export_format export_xlsx = {.name = "xlsx",
    .media_type = XLSX,
    .content_type = XLSX,
    .is_slow = true,
    .begin = xlsx_begin,
    .sheet = xlsx_sheet,
    .row = xlsx_row,
    .end = xlsx_end};
