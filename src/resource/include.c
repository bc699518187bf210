/*
 * A document and records that it names, in one answer. All of it is one statement, and so one
 * snapshot; records are those that the caller sees, and who may not read them is refused:
 *   [identify for all of it, document and records] → keys … → answer
 */
#include "include.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/recipients.h"

#include <stdlib.h>
#include <string.h>

/* What stands around a record in the answer, and around all of them. */
#define AROUND_RECORD 2
#define AROUND_ALL 1024

/* ---- the answer ---- */

/* Rows of a part that are told: all but the one too many. */
static int told(const struct including *including, unsigned part)
{
    int count = including->first[part + 1] - including->first[part];

    return count < INCLUDED_MAX ? count : INCLUDED_MAX;
}

static size_t size_of(const struct including *including)
{
    size_t size = AROUND_ALL + including->documents[0].len;

    for (unsigned part = 0; part < including->count; part++) {
        for (int i = 0; i < told(including, part); i++)
            size += including->documents[including->first[part] + i].len + AROUND_RECORD;
    }
    return size < PAGE_BYTES_MAX ? size : PAGE_BYTES_MAX;
}

/* The records of a part. Whether there are more than the answer takes. */
static bool write_part(struct page *page, const struct including *including, unsigned part)
{
    const char *before = "";

    page_add_string(page, "\"");
    page_add_string(page, included_of(including, part)->name);
    page_add_string(page, "\":[");
    for (int i = 0; i < told(including, part); i++) {
        struct iqm_slice document = including->documents[including->first[part] + i];
        if (document.ptr == NULL)
            continue;
        if (page->length + document.len + AROUND_ALL > PAGE_BYTES_MAX) {
            page_add_string(page, "],");
            return true;
        }
        page_add_string(page, before);
        page_add(page, document.ptr, document.len);
        before = ",";
    }
    page_add_string(page, "],");
    return including->first[part + 1] - including->first[part] > INCLUDED_MAX;
}

static void answer(struct including *including)
{
    struct iqm_call *call = including->reading->call;
    struct page page = {.arena = call->arena, .room = size_of(including)};
    struct iqm_slice whole = including->documents[0];
    const char *truncated = "";

    page.text = iqm_arena_bytes(call->arena, page.room);
    if (page.text == NULL)
        page.room = 0;
    page_add(&page, whole.ptr, whole.len - 1);
    page_add_string(&page, ",\"included\":{");
    for (unsigned part = 0; part < including->count && truncated != NULL; part++) {
        if (write_part(&page, including, part))
            truncated = iqm_arena_printf(call->arena, "%s%s\"%s\"", truncated,
                *truncated != '\0' ? "," : "", included_of(including, part)->name);
    }
    page_add_string(&page, "\"truncated\":[");
    page_add_string(&page, truncated != NULL ? truncated : "");
    page_add_string(&page, "]}}");
    if (page.failed || truncated == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply_hashed(call, "application/json", page.text, page.length);
}

/* ---- opening what is sealed, one kind of records after the other ---- */

static void open_on(struct including *including);

static void opened(struct iqm_vault_opening *opening)
{
    struct including *including = opening->user;
    struct iqm_call *call = including->reading->call;

    int error = opening->error;

    if (error == 0)
        error = iqm_recipients_note(call, opening);
    if (error != 0) {
        iqm_resource_sealed(call, error);
        iqm_auth_fail(call);
        return;
    }
    memcpy(including->documents + including->first[including->part], opening->opened,
        opening->count * sizeof *opening->opened);
    including->part++;
    open_on(including);
}

static void open_on(struct including *including)
{
    struct iqm_call *call = including->reading->call;

    for (; including->part < including->count; including->part++) {
        const struct iqm_resource *resource = included_of(including, including->part)->resource;
        int count = told(including, including->part);
        if (resource->subject == NULL || count == 0)
            continue;
        including->opening = (struct iqm_vault_opening){.resource = resource,
            .stored = including->documents + including->first[including->part],
            .count = (size_t)count,
            .done = opened,
            .user = including};
        iqm_vault_open(call->vault, call->arena, &including->opening);
        return;
    }
    answer(including);
}

/* ---- reading ---- */

/* Rows come part after part; the document is the first, where there is one. */
static void take_rows(struct including *including, const PGresult *rows)
{
    int count = PQntuples(rows), row = 0;

    for (; row < count; row++)
        including->documents[row] = iqm_pg_slice(rows, row, INCLUDED_DOC);
    row = 1;
    for (unsigned part = 0; part <= including->count; part++) {
        while (row < count && atoi(PQgetvalue(rows, row, INCLUDED_PART)) <= (int)part)
            row++;
        including->first[part] = row;
    }
}

static void rows_read(struct reading *reading)
{
    struct including *including = reading->including;
    struct iqm_call *call = reading->call;
    const PGresult *rows = reading->batch.results[1];

    if (PQntuples(rows) == 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    including->documents =
        iqm_arena_array(call->arena, (size_t)PQntuples(rows), sizeof *including->documents);
    if (including->documents == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    take_rows(including, rows);
    open_on(including);
}

void include_get(struct iqm_call *call)
{
    struct including *including = iqm_arena_alloc(call->arena, sizeof *including);

    if (including == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    *including = (struct including){.all = call->operation->resource->includes,
        .asked = {.list = iqm_call_parameter(call, "include")}};
    const char *sql = NULL, *name = NULL;
    if (include_ask(including, call) == 0) {
        sql = include_sql(including, call);
        name = include_sql_name(including, call);
    }
    if (sql == NULL || name == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    including->reading = reading_begin(call, rows_read);
    if (including->reading == NULL)
        return;
    including->reading->including = including;
    including->reading->values[0].text = call->path_values[0].ptr;
    iqm_pg_batch_add(&including->reading->batch, name, sql, including->reading->values, 1);
    reading_send(including->reading);
}
