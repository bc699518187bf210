/* The statements around a change that is made once: see whether it was, keep what is answered. */
#include "iqm/idempotency.h"

#include "contract_tables.h"

#include <stdio.h>
#include <string.h>

enum value {
    OPERATION,
    KEY,
    FINGERPRINT,
    STATUS,
    LOCATION,
    ETAG,
    RESOURCE,
    ID,
    VERSION,
    BODY,
    PERSON,
    VALUES,
};

static struct iqm_pg_value hash_value(const uint8_t hash[static IQM_IDEMPOTENCY_HASH])
{
    return (struct iqm_pg_value){
        .text = (const char *)hash, .length = IQM_IDEMPOTENCY_HASH, .binary = true};
}

struct iqm_pg_value iqm_idempotency_key(const struct iqm_call *call)
{
    return call->idempotency != NULL ? hash_value(call->idempotency->key)
                                     : (struct iqm_pg_value){.text = NULL};
}

struct iqm_pg_value iqm_idempotency_fingerprint(const struct iqm_call *call)
{
    return call->idempotency != NULL ? hash_value(call->idempotency->fingerprint)
                                     : (struct iqm_pg_value){.text = NULL};
}

const char *iqm_idempotency_operation(const struct iqm_call *call)
{
    const struct iqm_idempotency *one = call->idempotency;

    return one != NULL && one->operation != NULL ? one->operation : call->operation->id;
}

void iqm_idempotency_keep(
    struct iqm_call *call, struct iqm_pg_batch *batch, const struct iqm_answer *answer)
{
    struct iqm_idempotency *kept = call->idempotency;

    _Static_assert(VALUES == IQM_ANSWER_VALUES, "one value for each parameter");
    if (kept == NULL)
        return;
    snprintf(kept->status, sizeof kept->status, "%u", answer->status);
    kept->values[OPERATION].text = iqm_idempotency_operation(call);
    kept->values[KEY] = iqm_idempotency_key(call);
    kept->values[FINGERPRINT] = iqm_idempotency_fingerprint(call);
    kept->values[STATUS].text = kept->status;
    kept->values[LOCATION].text = answer->location;
    kept->values[ETAG].text = answer->etag;
    kept->values[RESOURCE].text = answer->resource;
    kept->values[ID].text = answer->id;
    kept->values[VERSION].text = answer->version;
    kept->values[BODY].text = answer->body;
    kept->values[PERSON].text = answer->person;
    iqm_pg_batch_add(batch, "keep_answer",
        "SELECT keep_answer($1, $2, $3, $4::integer, $5, $6, $7, $8::uuid, $9::bigint, $10, "
        "$11::uuid)",
        kept->values, VALUES);
}

void iqm_idempotency_check(struct iqm_call *call, struct iqm_pg_batch *batch)
{
    struct iqm_idempotency *kept = call->idempotency;

    if (kept == NULL)
        return;
    kept->values[OPERATION].text = iqm_idempotency_operation(call);
    kept->values[KEY] = iqm_idempotency_key(call);
    iqm_pg_batch_add(
        batch, "check_idempotency_key", "SELECT check_idempotency_key($1, $2)", kept->values, 2);
}

int iqm_idempotency_refusal(struct iqm_call *call, const struct iqm_pg_batch *batch)
{
    if (strcmp(iqm_pg_sqlstate(batch), "IQ4ID") != 0)
        return 0;
    return iqm_problem_set(&call->problem, IQM_PROBLEM_IDEMPOTENCY_KEY_IN_USE, NULL);
}
