/*
 * A whole list as a file:
 *   [identify, noted that people's data is given out] → [snapshot, identify] → [cursor] → ([rows] →
 * keys → [noted whose] → written → sent) … → end
 * Rows are read when the client has taken those before. A workbook is whole only at its end: it is
 * put together in threads of the pool and then sent from its file.
 */
#include "export.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/ids.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_PIECE ((size_t)64 * 1024)

static void go_on(struct exporting *exporting);

/* ---- what is asked ---- */

static const struct export_format *const formats[] = {
    &export_csv, &export_ndjson, &export_xlsx, &export_json};

const struct export_format *export_wanted(const struct iqm_call *call)
{
    struct iqm_slice name = iqm_call_parameter(call, "format");
    const char *best = export_json.media_type;
    const struct export_format *wanted = NULL;

    for (size_t i = 0; i < IQM_LENGTH(formats); i++) {
        if (name.ptr != NULL && iqm_slice_equal_string(name, formats[i]->name))
            return formats[i];
        if (name.ptr == NULL && iqm_call_prefers(call, formats[i]->media_type, best)) {
            wanted = formats[i];
            best = wanted->media_type;
        }
    }
    return wanted;
}

int export_refuse_fields(struct iqm_call *call)
{
    if (iqm_call_parameter(call, "fields").ptr == NULL)
        return 0;
    iqm_problem_parameter(
        &call->problem, "fields", "query", "is of csv, ndjson and xlsx: JSON has whole documents");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int read_parameters(struct exporting *exporting)
{
    struct iqm_call *call = exporting->call;

    if (iqm_call_parameter(call, "cursor").ptr != NULL) {
        iqm_problem_parameter(
            &call->problem, "cursor", "query", "is of a page: an export has all rows");
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    }
    if (exporting->format == &export_json)
        return export_refuse_fields(call);
    return wanted_fields_read(call, &exporting->fields);
}

static int make_table(struct exporting *exporting)
{
    struct iqm_call *call = exporting->call;
    int error = iqm_table_make(call->arena, call->contract, call->operation->resource->schema,
        wanted_fields_have, &exporting->fields, &exporting->table);

    if (error != 0)
        return error;
    exporting->cells =
        iqm_arena_array(call->arena, exporting->table->column_count + 1, sizeof *exporting->cells);
    return exporting->cells != NULL ? 0 : IQM_ENOMEM;
}

/* ---- sending ---- */

static void release(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    iqm_walk_end(&exporting->walk);
    iqm_pg_batch_clear(&exporting->note);
    iqm_workbook_free(exporting->workbook);
    iqm_buffer_free(&exporting->text);
    if (exporting->file >= 0)
        close(exporting->file);
}

static void give(struct exporting *exporting)
{
    if (exporting->error != 0) {
        iqm_call_break(exporting->call);
    } else if (exporting->text.length > 0) {
        exporting->given = true;
        iqm_call_piece(exporting->call, exporting->text.bytes, exporting->text.length);
    } else {
        go_on(exporting);
    }
}

static void more(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    if (exporting->given)
        iqm_buffer_empty(&exporting->text);
    exporting->given = false;
    give(exporting);
}

static void send_file(struct exporting *exporting)
{
    char piece[FILE_PIECE];
    ssize_t length = read(exporting->file, piece, sizeof piece);

    if (length < 0)
        exporting->error = IQM_EIO;
    if (length <= 0) {
        close(exporting->file);
        exporting->file = -1;
        exporting->ended = true;
    } else {
        iqm_buffer_add(&exporting->text, piece, (size_t)length);
    }
    give(exporting);
}

/* ---- writing ---- */

static void begin_rows(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    exporting->error = exporting->format->begin(exporting);
}

static void write_rows(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    for (size_t i = 0; i < exporting->document_count && exporting->error == 0; i++) {
        if (exporting->documents[i].ptr == NULL)
            continue;
        exporting->error = exporting->rows < EXPORT_ROWS_MAX
                               ? exporting->format->row(exporting, exporting->documents[i])
                               : IQM_ELIMIT;
        exporting->rows++;
    }
}

static void end_rows(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    exporting->error = exporting->format->end(exporting);
    exporting->ended = exporting->file < 0;
}

static void worked(struct iqm_call *call)
{
    give(call->state);
}

/* Here, or in a thread of the pool where it would hold up the loop. */
static void work(struct exporting *exporting, void (*part)(struct iqm_call *call))
{
    struct iqm_call *call = exporting->call;

    if (!exporting->format->is_slow) {
        part(call);
        give(exporting);
    } else if (iqm_call_background(call, part, worked) != 0) {
        exporting->error = IQM_ENOMEM;
        give(exporting);
    }
}

/* ---- reading ---- */

static void noted_whose(struct iqm_pg_batch *batch)
{
    struct exporting *exporting = batch->user;

    if (batch->error != 0 || iqm_auth_verdict(exporting->call, batch->results[0]) != 0) {
        exporting->error = IQM_EPG;
        give(exporting);
    } else {
        work(exporting, write_rows);
    }
}

static bool add_note(struct exporting *exporting, const char *people)
{
    struct iqm_call *call = exporting->call;

    iqm_pg_batch_clear(&exporting->note);
    if (people == NULL || iqm_auth_identify_change(call, &exporting->note) != 0)
        return false;
    exporting->note_values[0].text = call->operation->resource->name;
    exporting->note_values[1].text = people;
    iqm_pg_batch_add(&exporting->note, "note_export", "SELECT note_export($1, $2::uuid[])",
        exporting->note_values, 2);
    exporting->note.user = exporting;
    return true;
}

/* The people of the rows as an array of PostgreSQL's; NULL when memory is out. */
static const char *people_of(struct exporting *exporting)
{
    const struct iqm_resource *resource = exporting->call->operation->resource;
    size_t count = exporting->document_count;
    char *text = iqm_arena_bytes(exporting->walk.arena, count * IQM_UUID_TEXT + 3), *end = text;

    if (text == NULL)
        return NULL;
    *end++ = '{';
    for (size_t i = 0; i < count; i++) {
        char person[IQM_UUID_TEXT];
        if (exporting->documents[i].ptr == NULL ||
            iqm_sealed_person(resource, exporting->documents[i], person) != 0)
            continue;
        end += snprintf(end, IQM_UUID_TEXT + 1, "%s%s", end > text + 1 ? "," : "", person);
    }
    *end++ = '}';
    *end = '\0';
    return text;
}

static void unsealed(struct iqm_walk *walk, const struct iqm_slice *documents)
{
    struct exporting *exporting = walk->user;

    exporting->documents = documents;
    exporting->document_count = (size_t)PQntuples(walk->rows);
    if (walk->call->operation->resource->subject == NULL) {
        work(exporting, write_rows);
    } else if (!add_note(exporting, people_of(exporting))) {
        exporting->error = IQM_ENOMEM;
        give(exporting);
    } else {
        exporting->note.done = noted_whose;
        iqm_pg_write(walk->call->pg, &exporting->note);
    }
}

static void fetched(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;
    size_t count = (size_t)PQntuples(walk->rows);
    const struct iqm_resource **resources =
        iqm_arena_array(walk->arena, count + 1, sizeof *resources);
    struct iqm_slice *stored = iqm_arena_array(walk->arena, count + 1, sizeof *stored);

    if (resources == NULL || stored == NULL) {
        exporting->error = IQM_ENOMEM;
        give(exporting);
        return;
    }
    if (count == 0) {
        iqm_walk_end(walk);
        work(exporting, end_rows);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        resources[i] = walk->call->operation->resource;
        stored[i] = (struct iqm_slice){
            PQgetvalue(walk->rows, (int)i, 0), (size_t)PQgetlength(walk->rows, (int)i, 0)};
    }
    iqm_walk_unseal(walk, resources, stored, count, unsealed);
}

/* The next step, where nothing waits to be sent. */
static void go_on(struct exporting *exporting)
{
    if (exporting->ended)
        iqm_call_end(exporting->call);
    else if (exporting->file >= 0)
        send_file(exporting);
    else
        iqm_walk_fetch(&exporting->walk, fetched);
}

/* ---- beginning ---- */

/* Before the answer has begun it is a problem; afterwards it is cut off. */
static void walk_failed(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;

    if (exporting->answered)
        iqm_call_break(walk->call);
    else
        iqm_auth_fail(walk->call);
}

static void answer(struct iqm_call *call)
{
    struct exporting *exporting = call->state;
    char now[IQM_TIME_TEXT];

    if (exporting->error != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_time_now(now);
    iqm_call_header(call, "Content-Disposition",
        iqm_arena_printf(call->arena, "attachment; filename=\"%s-%.10s.%s\"",
            strrchr(call->operation->resource->collection, '/') + 1, now, exporting->format->name));
    exporting->answered = true;
    iqm_call_stream(call, 200, exporting->format->content_type, IQM_STREAM_UNKNOWN, more);
}

static void cursor_opened(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;

    if (!exporting->format->is_slow) {
        begin_rows(walk->call);
        answer(walk->call);
    } else if (iqm_call_background(walk->call, begin_rows, answer) != 0) {
        iqm_call_fail_with(walk->call, IQM_PROBLEM_INTERNAL_ERROR);
    }
}

static void begun(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;
    struct listing *listing = exporting->listing;

    listing_whole(listing, "DECLARE " IQM_WALK_CURSOR " NO SCROLL CURSOR FOR SELECT doc::text");
    iqm_walk_open(walk, listing->sql, listing->values, listing->value_count, cursor_opened);
}

static void begin_walk(struct exporting *exporting)
{
    exporting->walk =
        (struct iqm_walk){.call = exporting->call, .user = exporting, .failed = walk_failed};
    iqm_walk_begin(&exporting->walk, begun);
}

static void noted(struct iqm_pg_batch *batch)
{
    struct exporting *exporting = batch->user;
    struct iqm_call *call = exporting->call;
    int error = batch->result_count > 0 ? iqm_auth_verdict(call, batch->results[0]) : 0;

    if (error == 0 && batch->error != 0)
        error = iqm_resource_failure(call, call->operation->resource, batch, false);
    if (error != 0)
        iqm_auth_fail(call);
    else
        begin_walk(exporting);
}

static void begin(struct exporting *exporting)
{
    struct iqm_call *call = exporting->call;

    if (call->operation->resource->subject == NULL) {
        begin_walk(exporting);
    } else if (!add_note(exporting, "{}")) {
        iqm_call_fail(call);
    } else {
        exporting->note.done = noted;
        iqm_pg_write(call->pg, &exporting->note);
    }
}

void export_list(struct iqm_call *call, const struct export_format *format, struct listing *listing)
{
    struct exporting *exporting = iqm_arena_alloc(call->arena, sizeof *exporting);

    if (exporting == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    *exporting = (struct exporting){.call = call, .format = format, .listing = listing, .file = -1};
    if (read_parameters(exporting) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    if (make_table(exporting) != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    call->state = exporting;
    call->release = release;
    begin(exporting);
}
