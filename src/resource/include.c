/*
 * A document and records that it names, in one answer. All of it is one statement, and so one
 * snapshot; records are those that the caller sees, and who may not read them is refused:
 *   [identify for all of it, document and records] → keys … → answer
 */
#include "fields.h"
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/recipients.h"

#include <stdlib.h>
#include <string.h>

#define INCLUDES_MAX 8
/* Records of each kind that an answer holds, at most; and as text, to ask for one more. */
#define RECORDS_MAX 200
#define ONE_MORE "201"
/* What stands around a record in the answer, and around all of them. */
#define AROUND_RECORD 2
#define AROUND_ALL 1024

/* Columns of the statement. */
enum column { PART, DOC };

struct including {
    struct reading *reading;
    const struct iqm_include *all;
    struct wanted_fields asked;
    unsigned parts[INCLUDES_MAX]; /* places in `all` of what is asked */
    unsigned count, part;         /* the one that is being opened */
    struct iqm_slice *documents;  /* by row */
    int first[INCLUDES_MAX + 1];  /* rows of the parts */
    struct iqm_vault_opening opening;
};

static const struct iqm_include *include_of(const struct including *including, unsigned part)
{
    return &including->all[including->parts[part]];
}

/* ---- what is asked, and who may ---- */

static void find_asked(struct including *including)
{
    for (unsigned i = 0; including->all[i].name != NULL && i < INCLUDES_MAX; i++) {
        if (wanted_fields_have(including->all[i].name, &including->asked))
            including->parts[including->count++] = i;
    }
}

static bool all_let(const struct including *including, const char *role)
{
    for (unsigned i = 0; i < including->count; i++) {
        if (!iqm_roles_have(include_of(including, i)->roles, role))
            return false;
    }
    return true;
}

/* Who may read all of it: the roles that the document and each kind of records is open to. */
static const char *roles_for(const struct including *including, struct iqm_call *call)
{
    struct page text = {.arena = call->arena};
    const char *rest = call->operation->roles;
    struct iqm_slice role;

    page_add_string(&text, "{");
    while (iqm_roles_next(&rest, &role)) {
        const char *name = iqm_arena_copy(call->arena, role.ptr, role.len);
        if (name == NULL || !all_let(including, name))
            continue;
        if (text.length > 1)
            page_add_string(&text, ",");
        page_add_string(&text, name);
    }
    page_add(&text, "}", sizeof "}");
    return text.failed ? NULL : text.text;
}

static const char *scopes_for(const struct including *including, struct iqm_call *call)
{
    const char *text = call->operation->scope;

    for (unsigned i = 0; text != NULL && i < including->count; i++)
        text = iqm_arena_printf(call->arena, "%s,%s", text, include_of(including, i)->scopes);
    return text != NULL ? iqm_arena_printf(call->arena, "{%s}", text) : NULL;
}

/* ---- the statement ---- */

static bool is_needed(const struct including *including, unsigned place)
{
    for (unsigned i = 0; i < including->count; i++) {
        if (including->parts[i] == place || include_of(including, i)->of == place + 1)
            return true;
    }
    return false;
}

/* The ids that it goes by: of the document, or of the records of another include. */
static const char *ids_sql(struct iqm_arena *arena, const struct iqm_include *include)
{
    const char *source =
        include->of > 0 ? iqm_arena_printf(arena, "part_%u", include->of) : "whole";

    if (source == NULL)
        return NULL;
    if (include->path == NULL)
        return iqm_arena_printf(arena, "SELECT id FROM %s", source);
    return iqm_arena_printf(arena,
        "SELECT (named #>> '{}')::uuid FROM %s AS source, "
        "jsonb_path_query(source.doc::jsonb, '%s') AS named",
        source, include->path);
}

static void add_part(struct page *sql, const struct iqm_include *include, unsigned number)
{
    const char *ids = ids_sql(sql->arena, include);
    const char *part = ids != NULL
                           ? iqm_arena_printf(sql->arena,
                                 ", part_%u AS MATERIALIZED (SELECT id, doc FROM %s "
                                 "WHERE %s = ANY (ARRAY(%s)) ORDER BY id LIMIT " ONE_MORE ")",
                                 number, include->resource->name, include->column, ids)
                           : NULL;

    sql->failed = sql->failed || part == NULL;
    if (part != NULL)
        page_add_string(sql, part);
}

static const char *statement_for(const struct including *including, struct iqm_call *call)
{
    struct page sql = {.arena = call->arena};

    page_add_string(&sql, "WITH whole AS MATERIALIZED (SELECT id, doc FROM ");
    page_add_string(&sql, call->operation->resource->name);
    page_add_string(&sql, " WHERE id = $1::uuid)");
    for (unsigned i = 0; including->all[i].name != NULL; i++) {
        if (is_needed(including, i))
            add_part(&sql, &including->all[i], i + 1);
    }
    page_add_string(&sql, " SELECT 0, doc, id FROM whole");
    for (unsigned i = 0; i < including->count; i++) {
        const char *part = iqm_arena_printf(call->arena,
            " UNION ALL SELECT %u, doc, id FROM part_%u", i + 1, including->parts[i] + 1);
        sql.failed = sql.failed || part == NULL;
        page_add_string(&sql, part != NULL ? part : "");
    }
    page_add(&sql, " ORDER BY 1, 3", sizeof " ORDER BY 1, 3");
    return sql.failed ? NULL : sql.text;
}

/* One name, one text. */
static const char *name_for(const struct including *including, struct iqm_call *call)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < including->count; i++)
        mask |= 1U << including->parts[i];
    return iqm_arena_printf(call->arena, "%s_with_%x", call->operation->id, mask);
}

/* ---- the answer ---- */

/* Rows of a part that are told: all but the one too many. */
static int told(const struct including *including, unsigned part)
{
    int count = including->first[part + 1] - including->first[part];

    return count < RECORDS_MAX ? count : RECORDS_MAX;
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
    page_add_string(page, include_of(including, part)->name);
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
    return including->first[part + 1] - including->first[part] > RECORDS_MAX;
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
                *truncated != '\0' ? "," : "", include_of(including, part)->name);
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

    if (opening->error != 0) {
        iqm_resource_sealed(call, opening->error);
        iqm_auth_fail(call);
        return;
    }
    iqm_recipients_note_opened(call, opening);
    memcpy(including->documents + including->first[including->part], opening->opened,
        opening->count * sizeof *opening->opened);
    including->part++;
    open_on(including);
}

static void open_on(struct including *including)
{
    struct iqm_call *call = including->reading->call;

    for (; including->part < including->count; including->part++) {
        const struct iqm_resource *resource = include_of(including, including->part)->resource;
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
        including->documents[row] =
            (struct iqm_slice){PQgetvalue(rows, row, DOC), (size_t)PQgetlength(rows, row, DOC)};
    row = 1;
    for (unsigned part = 0; part <= including->count; part++) {
        while (row < count && atoi(PQgetvalue(rows, row, PART)) <= (int)part)
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
    find_asked(including);
    const char *sql = statement_for(including, call), *name = name_for(including, call);
    call->may = roles_for(including, call);
    call->scopes = scopes_for(including, call);
    if (sql == NULL || name == NULL || call->may == NULL || call->scopes == NULL) {
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
