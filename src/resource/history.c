/* Every version of a document, newest first: the current one from its table, the rest from history.
 */
#include "export.h"
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 200 /* of an entry: what stands before its document */
#define FIRST_POSITION "9223372036854775807"

/* Columns of the statement. */
enum column { VERSION, ACTION, AT, ACTOR, DOC };

/* After what opens a cursor, and before a limit. */
static const char sql_form[] =
    "%sSELECT version,"
    " CASE WHEN doc IS NULL THEN 'deleted' WHEN version = 1 THEN 'created' ELSE 'changed' END,"
    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), actor, doc FROM ("
    " SELECT version, at, actor, doc FROM history WHERE resource = '%s' AND id = $1::uuid"
    " UNION ALL"
    " SELECT version, (doc->>'updated_at')::timestamptz, written_by, doc FROM %s"
    " WHERE id = $1::uuid) AS versions"
    " WHERE version < $2::bigint ORDER BY version DESC%s";

/* An entry up to its document, which "}" follows. */
static void write_head(const PGresult *rows, int row, char ret_head[static HEAD_MAX])
{
    bool is_null = PQgetisnull(rows, row, ACTOR) == 1;
    const char *quote = is_null ? "" : "\"";

    snprintf(ret_head, HEAD_MAX,
        "{\"version\":%s,\"action\":\"%s\",\"at\":\"%s\",\"actor\":%s%s%s,\"document\":",
        PQgetvalue(rows, row, VERSION), PQgetvalue(rows, row, ACTION), PQgetvalue(rows, row, AT),
        quote, is_null ? "null" : PQgetvalue(rows, row, ACTOR), quote);
}

static struct iqm_slice or_null(struct iqm_slice document)
{
    return document.ptr != NULL ? document : IQM_SLICE("null");
}

static void add_entry(struct page *page, const PGresult *rows, int row, struct iqm_slice document)
{
    char head[HEAD_MAX];

    write_head(rows, row, head);
    document = or_null(document);
    page_add_string(page, head);
    page_add(page, document.ptr, document.len);
    page_add_string(page, "}");
}

static char *next_cursor(struct reading *reading, PGresult *rows, int last)
{
    struct iqm_cursor cursor = {0};

    if (last + 1 >= PQntuples(rows))
        return NULL;
    memcpy(cursor.id, reading->call->path_values[0].ptr, 36);
    cursor.key = PQgetvalue(rows, last, VERSION);
    return iqm_cursor_write(reading->call->arena, &cursor);
}

static void answer_history(struct reading *reading)
{
    PGresult *rows = reading->batch.results[1];
    struct page page = {.arena = reading->call->arena};

    if (PQntuples(rows) == 0) {
        iqm_call_fail_with(reading->call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    int count = page_open(&page, rows, DOC, (int)reading->limit);
    const char *before = "";
    for (int i = 0; i < count; i++) {
        struct iqm_slice document = reading_document(reading, i);
        if (document.ptr == NULL && PQgetisnull(rows, i, DOC) == 0)
            continue; /* the person was erased meanwhile */
        page_add_string(&page, before);
        add_entry(&page, rows, i, document);
        before = ",";
    }
    page_reply(reading->call, &page, next_cursor(reading, rows, count - 1));
}

/* The version to go on below. */
static int read_position(struct iqm_call *call, const char **ret_version)
{
    struct iqm_slice text = iqm_call_parameter(call, "cursor");
    struct iqm_cursor cursor;

    *ret_version = FIRST_POSITION;
    if (text.ptr == NULL)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) == 0 && cursor.sort == 0 &&
        strcmp(cursor.id, call->path_values[0].ptr) == 0 && *cursor.key != '\0' &&
        strspn(cursor.key, "0123456789") == strlen(cursor.key) && strlen(cursor.key) < 19) {
        *ret_version = cursor.key;
        return 0;
    }
    return iqm_cursor_refuse(call);
}

static void answer_pages(struct iqm_call *call)
{
    const char *table = call->operation->resource->name;
    const char *position;

    if (iqm_export_refuse_fields(call) != 0 || read_position(call, &position) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    struct reading *reading = reading_begin(call, answer_history);
    if (reading == NULL)
        return;
    reading->column = DOC;
    reading->limit = (unsigned)atoi(iqm_call_parameter(call, "limit").ptr);
    char *sql = iqm_arena_printf(call->arena, sql_form, "", table, table, " LIMIT $3::bigint");
    char *limit = iqm_arena_printf(call->arena, "%u", reading->limit + 1);
    if (sql == NULL || limit == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    reading->values[0].text = call->path_values[0].ptr;
    reading->values[1].text = position;
    reading->values[2].text = limit;
    iqm_pg_batch_add(&reading->batch, call->operation->id, sql, reading->values, 3);
    reading_send(reading);
}

/* ---- all of it as a file ---- */

static struct iqm_slice make_entry(
    struct iqm_arena *arena, const PGresult *rows, int row, struct iqm_slice document)
{
    char head[HEAD_MAX];

    write_head(rows, row, head);
    document = or_null(document);
    size_t before = strlen(head), length = before + document.len + 1;
    char *text = iqm_arena_bytes(arena, length);
    if (text == NULL)
        return (struct iqm_slice){NULL, 0};
    memcpy(text, head, before);
    memcpy(text + before, document.ptr, document.len);
    text[length - 1] = '}';
    return (struct iqm_slice){text, length};
}

static void answer_file(struct iqm_call *call, const struct iqm_export_format *format)
{
    const struct iqm_resource *resource = call->operation->resource;
    struct export_source *source = iqm_arena_alloc(call->arena, sizeof *source);
    struct iqm_pg_value *values = iqm_arena_array(call->arena, 2, sizeof *values);
    char *sql = iqm_arena_printf(call->arena, sql_form,
        "DECLARE " IQM_WALK_CURSOR " NO SCROLL CURSOR FOR ", resource->name, resource->name, "");

    if (source == NULL || values == NULL || sql == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    values[0].text = call->path_values[0].ptr;
    values[1].text = FIRST_POSITION;
    *source = (struct export_source){.sql = sql,
        .values = values,
        .value_count = 2,
        .column = DOC,
        .item = make_entry,
        .is_of_record = true};
    export_rows(call, format, source, iqm_contract_schema(call->contract, "HistoryEntry"),
        iqm_arena_printf(call->arena, "%s-history", strrchr(resource->collection, '/') + 1));
}

void iqm_resource_history(struct iqm_call *call)
{
    const struct iqm_export_format *format = iqm_export_wanted(call);

    if (format != NULL)
        answer_file(call, format);
    else
        answer_pages(call);
}
