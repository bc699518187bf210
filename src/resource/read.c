/* Reading one document: its bytes go from the row to the client untouched. */
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"

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

static void done(struct iqm_pg_batch *batch)
{
    struct reading *reading = batch->user;
    struct iqm_call *call = reading->call;

    if (cursor_is_at_fault(reading))
        reading_refuse_cursor(call);
    else if (batch->error != 0)
        iqm_resource_failure(call, call->operation->resource, batch, false);
    else
        iqm_auth_verdict(call, batch->results[0]);
    if (call->problem.type != NULL)
        iqm_call_fail(call);
    else
        reading->answer(reading);
}

int reading_refuse_cursor(struct iqm_call *call)
{
    iqm_problem_parameter(&call->problem, "cursor", "query", "is not a cursor that this list gave");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

void reading_send(struct reading *reading)
{
    reading->batch.done = done;
    iqm_pg_read(reading->call->pg, &reading->batch);
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
    if (call->if_none_match.ptr != NULL && iqm_etag_matches(call->if_none_match, version, true)) {
        iqm_call_reply(call, 304, NULL, "", 0);
        return;
    }
    iqm_call_reply(
        call, 200, "application/json", PQgetvalue(row, 0, 0), (size_t)PQgetlength(row, 0, 0));
}

void iqm_resource_get(struct iqm_call *call)
{
    const char *table = call->operation->resource->name;
    struct reading *reading = reading_begin(call, answer_document);

    if (reading == NULL)
        return;
    char *sql =
        iqm_arena_printf(call->arena, "SELECT doc, version FROM %s WHERE id = $1::uuid", table);
    if (sql == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    reading->values[0].text = call->path_values[0].ptr;
    iqm_pg_batch_add(&reading->batch, call->operation->id, sql, reading->values, 1);
    reading_send(reading);
}
