/* Rows of an export as CSV, lines of JSON, one JSON object, or a workbook. */
#include "export.h"

#include "iqm/csv.h"
#include "iqm/services.h"

#include <string.h>

static int outcome(const struct exporting *exporting)
{
    return exporting->text.failed ? IQM_ENOMEM : 0;
}

static int nothing(struct exporting *exporting)
{
    (void)exporting;
    return 0;
}

/* ---- CSV ---- */

static int csv_begin(struct exporting *exporting)
{
    if (iqm_slice_equal_string(iqm_call_parameter(exporting->call, "bom"), "true"))
        iqm_buffer_text(&exporting->text, IQM_CSV_MARK);
    iqm_csv_head(&exporting->text, exporting->table);
    return outcome(exporting);
}

static int csv_row(struct exporting *exporting, struct iqm_slice document)
{
    iqm_table_read(exporting->table, document, exporting->cells);
    return iqm_csv_row(&exporting->text, exporting->walk.arena, exporting->table, exporting->cells);
}

const struct export_format export_csv = {.name = "csv",
    .media_type = "text/csv",
    .content_type = "text/csv; charset=utf-8",
    .begin = csv_begin,
    .row = csv_row,
    .end = nothing};

/* ---- JSON ---- */

static int ndjson_row(struct exporting *exporting, struct iqm_slice document)
{
    wanted_fields_write(&exporting->fields, document, &exporting->text);
    iqm_buffer_add(&exporting->text, "\n", 1);
    return outcome(exporting);
}

const struct export_format export_ndjson = {.name = "ndjson",
    .media_type = "application/x-ndjson",
    .content_type = "application/x-ndjson",
    .begin = nothing,
    .row = ndjson_row,
    .end = nothing};

static int json_begin(struct exporting *exporting)
{
    iqm_buffer_text(&exporting->text, "{\"items\":[");
    return outcome(exporting);
}

static int json_row(struct exporting *exporting, struct iqm_slice document)
{
    if (exporting->rows > 0)
        iqm_buffer_add(&exporting->text, ",", 1);
    iqm_buffer_add(&exporting->text, document.ptr, document.len);
    return outcome(exporting);
}

static int json_end(struct exporting *exporting)
{
    iqm_buffer_text(&exporting->text, "],\"next\":null}");
    return outcome(exporting);
}

const struct export_format export_json = {.name = "json",
    .media_type = "application/json",
    .content_type = "application/json",
    .begin = json_begin,
    .row = json_row,
    .end = json_end};

/* ---- a workbook ---- */

static int xlsx_begin(struct exporting *exporting)
{
    const struct iqm_services *services = exporting->call->services;

    exporting->workbook = iqm_workbook_new(services->config->spool_dir);
    if (exporting->workbook == NULL)
        return IQM_EIO;
    return iqm_workbook_sheet(
        exporting->workbook, exporting->call->operation->resource->name, exporting->table);
}

static int xlsx_row(struct exporting *exporting, struct iqm_slice document)
{
    iqm_table_read(exporting->table, document, exporting->cells);
    return iqm_workbook_row(exporting->workbook, exporting->walk.arena, exporting->cells);
}

static int xlsx_end(struct exporting *exporting)
{
    struct iqm_workbook *workbook = exporting->workbook;

    exporting->workbook = NULL;
    return iqm_workbook_end(workbook, &exporting->file);
}

#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

const struct export_format export_xlsx = {.name = "xlsx",
    .media_type = XLSX,
    .content_type = XLSX,
    .is_slow = true,
    .begin = xlsx_begin,
    .row = xlsx_row,
    .end = xlsx_end};
