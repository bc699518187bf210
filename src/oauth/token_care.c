/* What a client may do with tokens it has: end them (RFC 7009) and ask about them (RFC 7662). */
#include "oauth.h"

#include "contract_tables.h"

#include <string.h>

struct care {
    struct iqm_call *call;
    struct client client;
    uint8_t shown_hash[IQM_TOKEN_HASH];
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[4];
};

static void release(struct iqm_call *call)
{
    struct care *care = call->state;

    iqm_pg_batch_clear(&care->batch);
}

static int prepare(struct care *care)
{
    struct iqm_call *call = care->call;
    const char *token = form_text(call, "token");

    if (client_read(call, &care->client) != 0)
        return IQM_EPROBLEM;
    if (token == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_REQUEST, "token is missing.");
    secret_hash(call, token, care->shown_hash);
    client_bind(&care->client, care->values);
    care->values[2] = hash_value(care->shown_hash);
    care->values[3].text = call->request_id;
    return 0;
}

/* Ready to run one statement about the token, with client, secret, hash and, where it takes four
 * values, the request's id; NULL after failing the call. */
static struct care *care_new(struct iqm_call *call, const char *name, const char *sql,
    unsigned value_count, void (*done)(struct iqm_pg_batch *))
{
    struct care *care = iqm_arena_alloc(call->arena, sizeof *care);

    if (care == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    care->call = call;
    care->batch.done = done;
    care->batch.user = care;
    call->state = care;
    call->release = release;
    if (prepare(care) != 0) {
        iqm_call_fail(call);
        return NULL;
    }
    iqm_pg_batch_add(&care->batch, name, sql, care->values, value_count);
    return care;
}

/* The same whether there was such a token or not: it is good for nothing now. */
static void on_revoked(struct iqm_pg_batch *batch)
{
    struct care *care = batch->user;

    if (client_outcome(care->call, batch) != 0)
        iqm_call_fail(care->call);
    else
        iqm_call_reply(care->call, 200, NULL, "", 0);
}

void iqm_op_revoke_token(struct iqm_call *call)
{
    struct care *care = care_new(call, "revoke_token",
        "SELECT outcome FROM revoke_token($1::uuid, $2, $3, $4)", 4, on_revoked);

    if (care != NULL)
        iqm_pg_write(call->pg, &care->batch);
}

static void on_introspected(struct iqm_pg_batch *batch)
{
    struct care *care = batch->user;

    if (client_outcome(care->call, batch) != 0) {
        iqm_call_fail(care->call);
        return;
    }
    const char *text = PQgetisnull(batch->results[0], 0, 1) == 1
                           ? "{\"active\":false}"
                           : PQgetvalue(batch->results[0], 0, 1);
    iqm_call_reply(care->call, 200, "application/json", text, strlen(text));
}

void iqm_op_introspect_token(struct iqm_call *call)
{
    struct care *care = care_new(call, "introspect_token",
        "SELECT outcome, answer FROM introspect_token($1::uuid, $2, $3)", 3, on_introspected);

    if (care != NULL)
        iqm_pg_read(call->pg, &care->batch);
}
