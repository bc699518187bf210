/*
 * A call with an Idempotency-Key that fails: was it done before? Then it is answered as it was
 * then; if not, as it failed. Whatever it failed of, its first time may be the reason: the record
 * has moved on, a name is taken by the very record that the first time made. In the primary's own
 * pipeline: a standby might not know yet.
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/idempotency.h"
#include "iqm/recipients.h"
#include "iqm/resource.h"
#include "iqm/vault.h"

#include <string.h>

enum column { SAME, STATUS, LOCATION, ETAG, RESOURCE, DOC };

struct recall {
    struct iqm_call *call;
    struct iqm_problem problem; /* what the call failed of */
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[3];
    struct iqm_slice stored;
    struct iqm_vault_opening opening;
    void *state; /* of who was at it before */
    void (*release)(struct iqm_call *call);
};

static void release(struct iqm_call *call)
{
    struct recall *recall = call->state;

    iqm_pg_batch_clear(&recall->batch);
    call->state = recall->state;
    if (recall->release != NULL)
        recall->release(call);
}

static const char *text_of(const struct recall *recall, enum column column)
{
    const PGresult *row = recall->batch.results[1];

    return PQgetisnull(row, 0, (int)column) == 1 ? NULL : PQgetvalue(row, 0, (int)column);
}

static void answer(struct recall *recall, struct iqm_slice document)
{
    struct iqm_call *call = recall->call;

    iqm_call_header(call, "Location", text_of(recall, LOCATION));
    iqm_call_header(call, "Idempotency-Replayed", "true");
    iqm_call_etag(call, text_of(recall, ETAG));
    iqm_call_reply(
        call, call->idempotency->answered, "application/json", document.ptr, document.len);
}

static void fail_with(struct recall *recall, const struct iqm_problem_type *type)
{
    iqm_problem_init(&recall->call->problem, recall->call->arena);
    iqm_call_fail_with(recall->call, type);
}

static void opened(struct iqm_vault_opening *opening)
{
    struct recall *recall = opening->user;

    int error = opening->error;

    if (error == 0)
        error = iqm_recipients_note(recall->call, opening);
    if (error != 0) {
        iqm_problem_init(&recall->call->problem, recall->call->arena);
        iqm_resource_sealed(recall->call, error);
        iqm_call_fail(recall->call);
    } else if (opening->opened[0].ptr == NULL) { /* erased this very moment */
        fail_with(recall, IQM_PROBLEM_IDEMPOTENCY_ANSWER_GONE);
    } else {
        answer(recall, opening->opened[0]);
    }
}

static void tell_gone(struct recall *recall)
{
    struct iqm_call *call = recall->call;

    iqm_problem_init(&call->problem, call->arena);
    if (call->idempotency->answered < 300)
        iqm_problem_set(&call->problem, IQM_PROBLEM_IDEMPOTENCY_ANSWER_GONE, NULL);
    else
        iqm_problem_set(&call->problem, IQM_PROBLEM_IDEMPOTENCY_ANSWER_GONE,
            "This was refused before. Why is not kept, as the record was erased.");
    iqm_call_fail(call);
}

static unsigned status_of(const struct recall *recall)
{
    unsigned status = 0;

    for (const char *digit = text_of(recall, STATUS); *digit != '\0'; digit++)
        status = status * 10 + (unsigned)(*digit - '0');
    return status;
}

static void replay(struct recall *recall)
{
    struct iqm_call *call = recall->call;
    const char *name = text_of(recall, RESOURCE);
    const struct iqm_resource *resource =
        name != NULL ? iqm_contract_resource(call->contract, name) : NULL;

    call->idempotency->answered = status_of(recall);
    call->idempotency->located = text_of(recall, LOCATION) != NULL;
    recall->stored = iqm_pg_slice(recall->batch.results[1], 0, DOC);
    if (recall->stored.ptr == NULL) {
        tell_gone(recall);
    } else if (resource == NULL || resource->subject == NULL) {
        answer(recall, recall->stored);
    } else {
        recall->opening = (struct iqm_vault_opening){.resource = resource,
            .stored = &recall->stored,
            .count = 1,
            .done = opened,
            .user = recall};
        iqm_vault_open(call->vault, call->arena, &recall->opening);
    }
}

static void found(struct iqm_pg_batch *batch)
{
    struct recall *recall = batch->user;
    struct iqm_call *call = recall->call;

    if (batch->error != 0) {
        fail_with(recall, IQM_PROBLEM_SERVICE_UNAVAILABLE);
        return;
    }
    iqm_problem_init(&call->problem, call->arena);
    if (iqm_auth_verdict(call, batch->results[0]) != 0) {
        iqm_auth_fail(call);
    } else if (PQntuples(batch->results[1]) == 0) {
        call->problem = recall->problem;
        iqm_call_fail(call);
    } else if (strcmp(text_of(recall, SAME), "t") != 0) {
        fail_with(recall, IQM_PROBLEM_IDEMPOTENCY_KEY_REUSED);
    } else {
        replay(recall);
    }
}

void iqm_resource_recall(struct iqm_call *call)
{
    struct recall *recall = iqm_arena_alloc(call->arena, sizeof *recall);

    if (recall == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    *recall = (struct recall){
        .call = call, .problem = call->problem, .state = call->state, .release = call->release};
    call->state = recall;
    call->release = release;
    call->may = NULL; /* who may make such a request is told what came of it */
    iqm_problem_init(&call->problem, call->arena);
    if (iqm_auth_identify(call, &recall->batch) != 0) {
        iqm_call_fail(call);
        return;
    }
    recall->values[0].text = iqm_idempotency_operation(call);
    recall->values[1] = iqm_idempotency_key(call);
    recall->values[2] = iqm_idempotency_fingerprint(call);
    iqm_pg_batch_add(&recall->batch, "recall_answer",
        "SELECT fingerprint = $3, status, location, etag, resource, doc FROM recall_answer($1, $2)",
        recall->values, 3);
    recall->batch.done = found;
    recall->batch.user = recall;
    iqm_pg_write(call->pg, &recall->batch);
}
