/* Every version of a document, newest first: the current one from its table, the rest from history.
 */
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sql_form[] =
    "SELECT version,"
    " CASE WHEN doc IS NULL THEN 'deleted' WHEN version = 1 THEN 'created' ELSE 'changed' END,"
    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), actor, doc FROM ("
    " SELECT version, at, actor, doc FROM history WHERE resource = '%s' AND id = $1::uuid"
    " UNION ALL"
    " SELECT version, (doc->>'updated_at')::timestamptz, written_by, doc FROM %s"
    " WHERE id = $1::uuid) AS versions"
    " WHERE version < $2::bigint ORDER BY version DESC LIMIT $3::bigint";

static void add_entry(struct page *page, const PGresult *rows, int row, struct iqm_slice document)
{
    page_add_string(page, "{\"version\":");
    page_add_string(page, PQgetvalue(rows, row, 0));
    page_add_string(page, ",\"action\":\"");
    page_add_string(page, PQgetvalue(rows, row, 1));
    page_add_string(page, "\",\"at\":\"");
    page_add_string(page, PQgetvalue(rows, row, 2));
    page_add_string(page, "\",\"actor\":");
    if (PQgetisnull(rows, row, 3) == 1) {
        page_add_string(page, "null");
    } else {
        page_add_string(page, "\"");
        page_add_string(page, PQgetvalue(rows, row, 3));
        page_add_string(page, "\"");
    }
    page_add_string(page, ",\"document\":");
    if (document.ptr == NULL)
        document = IQM_SLICE("null");
    page_add(page, document.ptr, document.len);
    page_add_string(page, "}");
}

static char *next_cursor(struct reading *reading, PGresult *rows, int last)
{
    struct iqm_cursor cursor = {0};

    if (last + 1 >= PQntuples(rows))
        return NULL;
    memcpy(cursor.id, reading->call->path_values[0].ptr, 36);
    cursor.key = PQgetvalue(rows, last, 0);
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
    int count = page_open(&page, rows, 4, (int)reading->limit);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            page_add(&page, ",", 1);
        add_entry(&page, rows, i, reading_document(reading, i));
    }
    page_reply(reading->call, &page, next_cursor(reading, rows, count - 1));
}

/* The version to go on below. */
static int read_position(struct iqm_call *call, const char **ret_version)
{
    struct iqm_slice text = iqm_call_parameter(call, "cursor");
    struct iqm_cursor cursor;

    *ret_version = "9223372036854775807";
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

void iqm_resource_history(struct iqm_call *call)
{
    const char *table = call->operation->resource->name;
    const char *position;

    if (read_position(call, &position) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    struct reading *reading = reading_begin(call, answer_history);
    if (reading == NULL)
        return;
    reading->column = 4;
    reading->limit = (unsigned)atoi(iqm_call_parameter(call, "limit").ptr);
    char *sql = iqm_arena_printf(call->arena, sql_form, table, table);
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
