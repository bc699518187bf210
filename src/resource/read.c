/* Reading one document: its bytes go from the row to the client untouched. */
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/recipients.h"

#include <string.h>

static void release(struct iqm_call *call)
{
    struct reading *reading = call->state;

    iqm_pg_batch_clear(&reading->batch);
}

struct reading *reading_begin(struct iqm_call *call, void (*answer)(struct reading *reading))
{
    struct reading *reading = iqm_arena_alloc(call->arena, sizeof *reading);

    if (reading == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    reading->call = call;
    reading->answer = answer;
    reading->batch.user = reading;
    call->state = reading;
    call->release = release;
    if (iqm_auth_identify(call, &reading->batch) != 0) {
        iqm_call_fail(call);
        return NULL;
    }
    return reading;
}

/* Filters have been validated: what does not convert to the column's type stood in the cursor. */
static bool cursor_is_at_fault(const struct reading *reading)
{
    return reading->goes_on && strncmp(iqm_pg_sqlstate(&reading->batch), "22", 2) == 0;
}

/* The verdict comes before the error: who may not read sees only that. */
static int outcome(struct reading *reading)
{
    struct iqm_call *call = reading->call;
    const struct iqm_pg_batch *batch = &reading->batch;
    int error = batch->result_count > 0 ? iqm_auth_verdict(call, batch->results[0]) : 0;

    if (error == 0 && cursor_is_at_fault(reading))
        error = iqm_cursor_refuse(call);
    else if (error == 0 && batch->error != 0)
        error = iqm_resource_failure(call, call->operation->resource, batch, false);
    return error;
}

struct iqm_slice reading_document(const struct reading *reading, int row)
{
    return reading->opening.opened != NULL
               ? reading->opening.opened[row]
               : iqm_pg_slice(reading->batch.results[1], row, reading->column);
}

static void opened(struct iqm_vault_opening *opening)
{
    struct reading *reading = opening->user;

    int error = opening->error;

    if (error == 0)
        error = iqm_recipients_note(reading->call, opening);
    if (error == 0) {
        reading->answer(reading);
        return;
    }
    iqm_resource_sealed(reading->call, error);
    iqm_auth_fail(reading->call);
}

static void open_documents(struct reading *reading)
{
    struct iqm_vault_opening *opening = &reading->opening;
    struct iqm_call *call = reading->call;
    size_t count = (size_t)PQntuples(reading->batch.results[1]);
    struct iqm_slice *stored = iqm_arena_array(call->arena, count + 1, sizeof *stored);

    if (stored == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    for (size_t i = 0; i < count; i++)
        stored[i] = iqm_pg_slice(reading->batch.results[1], (int)i, reading->column);
    *opening = (struct iqm_vault_opening){.resource = call->operation->resource,
        .stored = stored,
        .count = count,
        .done = opened,
        .user = reading};
    iqm_vault_open(call->vault, call->arena, opening);
}

static void done(struct iqm_pg_batch *batch)
{
    struct reading *reading = batch->user;

    if (outcome(reading) != 0)
        iqm_auth_fail(reading->call);
    else if (reading->call->operation->resource->subject == NULL)
        reading->answer(reading);
    else
        open_documents(reading);
}

int iqm_cursor_refuse(struct iqm_call *call)
{
    iqm_problem_parameter(&call->problem, "cursor", "query", "is not a cursor that this list gave");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

void reading_send(struct reading *reading)
{
    reading->batch.done = done;
    iqm_pg_read(reading->call->pg, &reading->batch);
}

/* Of "7" or "7.gz", alone: 7. What a client that holds one version sends. */
static const char *only_version(struct iqm_call *call)
{
    struct iqm_slice tag = call->if_none_match;

    if (tag.len < 3 || tag.len > 22 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"')
        return NULL;
    char *version = iqm_arena_copy(call->arena, tag.ptr + 1, tag.len - 2);
    if (version == NULL)
        return NULL;
    size_t digits = strspn(version, "0123456789");
    bool whole = version[digits] == '\0' || strcmp(version + digits, ".gz") == 0;
    version[digits] = '\0';
    return whole && digits > 0 && digits < 19 && version[0] != '0' ? version : NULL;
}

static void answer_document(struct reading *reading)
{
    struct iqm_call *call = reading->call;
    PGresult *row = reading->batch.results[1];

    if (PQntuples(row) == 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    const char *version = PQgetvalue(row, 0, 1);
    iqm_call_etag(call, version);
    struct iqm_slice document = reading_document(reading, 0);
    if (PQgetisnull(row, 0, 0) == 1 ||
        (call->if_none_match.ptr != NULL && iqm_etag_matches(call->if_none_match, version, true)))
        iqm_call_reply(call, 304, NULL, "", 0);
    else if (document.ptr == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
    else
        iqm_call_reply(call, 200, "application/json", document.ptr, document.len);
}

/* The document; left where it is when the client says that it holds this very version. */
void iqm_resource_get(struct iqm_call *call)
{
    static const char whole[] = "SELECT doc, version FROM %s WHERE id = $1::uuid";
    static const char unless[] = "SELECT CASE WHEN version <> $2::bigint THEN doc END, version "
                                 "FROM %s WHERE id = $1::uuid";
    const struct iqm_operation *operation = call->operation;

    if (iqm_call_parameter(call, "include").ptr != NULL) {
        include_get(call);
        return;
    }
    struct reading *reading = reading_begin(call, answer_document);
    if (reading == NULL)
        return;
    const char *held = only_version(call);
    const char *name = operation->id;
    if (held != NULL)
        name = iqm_arena_printf(call->arena, "%s_unless", operation->id);
    char *sql =
        iqm_arena_printf(call->arena, held != NULL ? unless : whole, operation->resource->name);
    if (sql == NULL || name == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    reading->values[0].text = call->path_values[0].ptr;
    reading->values[1].text = held;
    iqm_pg_batch_add(&reading->batch, name, sql, reading->values, held != NULL ? 2 : 1);
    reading_send(reading);
}
