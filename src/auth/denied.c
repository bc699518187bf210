/* Requests of known callers that were refused: the audit log is told before the caller is. */
#include "iqm/auth.h"

#include "iqm/contract.h"

#include <string.h>

enum value { TOKEN, OPERATION, RESOURCE, RESOURCE_ID, REQUEST_ID, VALUES };

struct denial {
    struct iqm_call *call;
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[VALUES];
};

/* Told all the same when it could not be written down: the log of requests has it then. */
static void denial_noted(struct iqm_pg_batch *batch)
{
    struct denial *denial = batch->user;

    iqm_pg_batch_clear(batch);
    iqm_call_fail(denial->call);
}

static const char *record_id(const struct iqm_call *call)
{
    struct iqm_slice id = call->path_values[0];
    bool is_id = id.ptr != NULL && iqm_format_matches(IQM_FORMAT_UUID, id.ptr, id.len);

    return is_id ? id.ptr : NULL;
}

void iqm_auth_fail(struct iqm_call *call)
{
    struct denial *denial = call->denied ? iqm_arena_alloc(call->arena, sizeof *denial) : NULL;

    if (denial == NULL) {
        iqm_call_fail(call);
        return;
    }
    denial->call = call;
    denial->values[TOKEN].text = call->token;
    denial->values[OPERATION].text = call->operation->id;
    denial->values[RESOURCE].text =
        call->operation->resource != NULL ? call->operation->resource->name : NULL;
    denial->values[RESOURCE_ID].text = record_id(call);
    denial->values[REQUEST_ID].text = call->request_id;
    denial->batch.done = denial_noted;
    denial->batch.user = denial;
    iqm_pg_batch_add(&denial->batch, "note_denied",
        "SELECT note_denied($1::uuid, $2, $3, $4::uuid, $5)", denial->values, VALUES);
    iqm_pg_write(call->pg, &denial->batch);
}
