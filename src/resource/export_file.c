/*
 * A file under way: what the request asks of it, rows written, and sent when the client has taken
 * those before:
 *   answer → (next → rows written → sent) … → end
 */
#include "contract_tables.h"
#include "export_formats.h"
#include "iqm/ids.h"
#include "iqm/wanted_fields.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_PIECE ((size_t)64 * 1024)
#define PUBLIC_WORKBOOKS_MAX 4

static void go_on(struct iqm_export *export);

/* ---- what is asked ---- */

static const struct iqm_export_format *const formats[] = {
    &export_csv, &export_ndjson, &export_xlsx, &export_json};

static bool is_offered(const struct iqm_operation *operation, const char *media_type)
{
    for (const struct iqm_response *one = operation->responses; one->status != 0; one++) {
        if (one->status == 200 && one->media_type != NULL &&
            strcmp(one->media_type, media_type) == 0)
            return true;
    }
    return false;
}

const struct iqm_export_format *iqm_export_wanted(const struct iqm_call *call)
{
    struct iqm_slice name = iqm_call_parameter(call, "format");
    const char *best = export_json.media_type;
    const struct iqm_export_format *wanted = NULL;

    for (size_t i = 0; i < IQM_LENGTH(formats); i++) {
        if (name.ptr != NULL && iqm_slice_equal_string(name, formats[i]->name))
            return formats[i];
        if (name.ptr == NULL && is_offered(call->operation, formats[i]->media_type) &&
            iqm_call_prefers(call, formats[i]->media_type, best)) {
            wanted = formats[i];
            best = wanted->media_type;
        }
    }
    return wanted;
}

int iqm_export_refuse_fields(struct iqm_call *call)
{
    if (iqm_call_parameter(call, "fields").ptr == NULL)
        return 0;
    iqm_problem_parameter(
        &call->problem, "fields", "query", "is of csv, ndjson and xlsx: JSON has whole documents");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int read_parameters(struct iqm_export *export)
{
    struct iqm_call *call = export->call;

    if (iqm_call_parameter(call, "cursor").ptr != NULL) {
        iqm_problem_parameter(
            &call->problem, "cursor", "query", "is of a page: an export has all rows");
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    }
    if (export->format == &export_json)
        return iqm_export_refuse_fields(call);
    return iqm_wanted_fields_read(call, export->schema, export->fields);
}

static int make_table(struct iqm_export *export)
{
    struct iqm_call *call = export->call;

    if (iqm_call_parameter(call, "fields").ptr == NULL)
        export->fields->list = export->only != NULL
                                   ? (struct iqm_slice){export->only, strlen(export->only)}
                                   : (struct iqm_slice){NULL, 0};
    uint16_t inner = export->versions_of != NULL ? export->versions_of->schema : IQM_NO_SCHEMA;
    int error = iqm_table_make(call->arena, call->contract, export->schema, inner,
        iqm_wanted_fields_have, export->fields, &export->table);

    if (error != 0)
        return error;
    export->cells =
        iqm_arena_array(call->arena, export->table->column_count + 1, sizeof *export->cells);
    return export->cells != NULL ? 0 : IQM_ENOMEM;
}

/* Workbooks for callers without a name, in the whole process, until they are sent: others wait for
 * the same threads, and each is a file meanwhile. */
static atomic_uint public_workbooks;

static int admit(struct iqm_export *export)
{
    struct iqm_call *call = export->call;

    if (!export->format->is_slow || !call->operation->is_public)
        return 0;
    export->is_counted = atomic_fetch_add(&public_workbooks, 1) < PUBLIC_WORKBOOKS_MAX;
    if (export->is_counted)
        return 0;
    atomic_fetch_sub(&public_workbooks, 1);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE,
        "Many workbooks are being made at the moment: try again in a little while, or take csv.");
}

int iqm_export_prepare(struct iqm_export *export)
{
    struct iqm_call *call = export->call;

    export->file = -1;
    call->export = export;
    export->fields = iqm_arena_alloc(call->arena, sizeof *export->fields);
    if (export->fields == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (read_parameters(export) != 0)
        return IQM_EPROBLEM;
    if (make_table(export) != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    return admit(export);
}

/* ---- sending ---- */

void iqm_export_release(struct iqm_export *export)
{
    if (export->format == NULL)
        return;
    if (export->is_counted)
        atomic_fetch_sub(&public_workbooks, 1);
    iqm_workbook_free(export->workbook);
    iqm_buffer_free(&export->text);
    if (export->file >= 0)
        close(export->file);
}

static void give(struct iqm_export *export)
{
    if (export->error != 0) {
        iqm_call_break(export->call);
    } else if (export->text.length > 0) {
        export->given = true;
        iqm_call_piece(export->call, export->text.bytes, export->text.length);
    } else {
        go_on(export);
    }
}

static void more(struct iqm_call *call)
{
    struct iqm_export *export = call->export;

    if (export->given)
        iqm_buffer_empty(&export->text);
    export->given = false;
    give(export);
}

static void send_file(struct iqm_export *export)
{
    char piece[FILE_PIECE];
    ssize_t length = read(export->file, piece, sizeof piece);

    if (length < 0)
        export->error = IQM_EIO;
    if (length <= 0) {
        close(export->file);
        export->file = -1;
        export->ended = true;
    } else {
        iqm_buffer_add(&export->text, piece, (size_t)length);
    }
    give(export);
}

/* The next step, where nothing waits to be sent. */
static void go_on(struct iqm_export *export)
{
    if (export->ended)
        iqm_call_end(export->call);
    else if (export->file >= 0)
        send_file(export);
    else
        export->next(export);
}

/* ---- writing ---- */

static void begin_rows(struct iqm_call *call)
{
    call->export->error = call->export->format->begin(call->export);
}

static void write_rows(struct iqm_call *call)
{
    struct iqm_export *export = call->export;

    for (size_t i = 0; i < export->document_count && export->error == 0; i++) {
        if (export->documents[i].ptr == NULL)
            continue;
        export->error = export->rows < IQM_EXPORT_ROWS_MAX
                            ? export->format->row(export, export->documents[i])
                            : IQM_ELIMIT;
        export->rows++;
    }
}

static void begin_sheet(struct iqm_call *call)
{
    call->export->error = call->export->format->sheet(call->export);
}

static void end_rows(struct iqm_call *call)
{
    struct iqm_export *export = call->export;

    export->error = export->format->end(export);
    export->ended = export->file < 0;
}

static void worked(struct iqm_call *call)
{
    give(call->export);
}

/* Here, or in a thread of the pool where it would hold up the loop: but not for who has left, which
 * sending would show with other formats. */
static void work(struct iqm_export *export, void (*part)(struct iqm_call *call))
{
    struct iqm_call *call = export->call;

    if (!export->format->is_slow) {
        part(call);
        give(export);
    } else if (iqm_call_is_left(call)) {
        iqm_call_break(call);
    } else if (iqm_call_background(call, part, worked) != 0) {
        export->error = IQM_ENOMEM;
        give(export);
    }
}

void iqm_export_rows(struct iqm_export *export, const struct iqm_slice *documents, size_t count,
    struct iqm_arena *arena)
{
    export->documents = documents;
    export->document_count = count;
    export->arena = arena;
    work(export, write_rows);
}

void iqm_export_sheet(
    struct iqm_export *export, const char *name, uint16_t schema, const char *only)
{
    export->name = name;
    export->schema = schema;
    export->only = only;
    export->error = make_table(export);
    if (export->error == 0)
        work(export, begin_sheet);
    else
        give(export);
}

void iqm_export_close(struct iqm_export *export)
{
    work(export, end_rows);
}

/* ---- beginning ---- */

static void answer(struct iqm_call *call)
{
    struct iqm_export *export = call->export;
    char now[IQM_TIME_TEXT];

    if (export->error != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_time_now(now);
    iqm_call_header(call, "Content-Disposition",
        iqm_arena_printf(call->arena, "attachment; filename=\"%s-%.10s.%s\"", export->file_name,
            now, export->format->name));
    export->answered = true;
    iqm_call_stream(call, 200, export->format->content_type, IQM_STREAM_UNKNOWN, more);
}

void iqm_export_answer(struct iqm_export *export)
{
    struct iqm_call *call = export->call;

    if (!export->format->is_slow) {
        begin_rows(call);
        answer(call);
    } else if (iqm_call_background(call, begin_rows, answer) != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    }
}
