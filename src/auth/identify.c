/* The statement that says who calls, and the verdict on its answer. */
#include "iqm/auth.h"

#include "contract_tables.h"
#include "iqm/services.h"
#include "last_use.h"

#include <string.h>
#include <strings.h>

/*
 * Always one row, and always sets both settings: an unknown token leaves them empty, which no
 * policy lets through. Compared are hashes of 256 random bits: their comparison tells nothing of a
 * token.
 */
static const char identify_sql[] =
    "SELECT token.id, token.allowed,"
    " set_config('iqm.role', CASE WHEN token.allowed THEN token.role ELSE '' END, true),"
    " set_config('iqm.actor', CASE WHEN token.allowed THEN token.id::text ELSE '' END, true)"
    " FROM (VALUES (1)) AS one LEFT JOIN"
    " (SELECT id, role, role = ANY ($2::text[]) AND ($3 = ANY (scopes) OR '*' = ANY (scopes))"
    " AS allowed FROM token WHERE hash = $1 AND revoked_at IS NULL"
    " AND (expires_at IS NULL OR expires_at > now())) AS token ON true";

struct identity {
    uint8_t hash[IQM_TOKEN_HASH];
    struct iqm_pg_value values[3];
};

static int unauthorized(struct iqm_call *call, const char *challenge, const char *sentence)
{
    iqm_call_header(call, "WWW-Authenticate", challenge);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_UNAUTHORIZED, "%s", sentence);
}

/* The token of "Bearer iqm_…"; ptr NULL when the header holds something else. */
static struct iqm_slice bearer_token(struct iqm_slice header)
{
    const size_t scheme = strlen("Bearer ");
    struct iqm_slice none = {NULL, 0};

    if (header.len <= scheme || strncasecmp(header.ptr, "Bearer ", scheme) != 0)
        return none;
    struct iqm_slice token = {header.ptr + scheme, header.len - scheme};
    while (token.len > 0 && *token.ptr == ' ') {
        token.ptr++;
        token.len--;
    }
    if (token.len != IQM_TOKEN_TEXT - 1 ||
        memcmp(token.ptr, IQM_TOKEN_PREFIX, strlen(IQM_TOKEN_PREFIX)) != 0)
        return none;
    return token;
}

int iqm_auth_identify(struct iqm_call *call, struct iqm_pg_batch *batch)
{
    const struct iqm_services *services = call->services;
    struct iqm_slice token = bearer_token(call->authorization);

    if (call->authorization.ptr == NULL)
        return unauthorized(call, "Bearer realm=\"iqm\"",
            "This operation needs a token: send it as Authorization, Bearer.");
    if (token.ptr == NULL)
        return unauthorized(call, "Bearer realm=\"iqm\", error=\"invalid_token\"",
            "The Authorization header does not hold a token of this service.");
    struct identity *identity = iqm_arena_alloc(call->arena, sizeof *identity);
    if (identity == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    iqm_token_hash(services->config->token_key_bytes, token, identity->hash);
    identity->values[0] = (struct iqm_pg_value){
        .text = (const char *)identity->hash, .length = sizeof identity->hash, .binary = true};
    identity->values[1] = (struct iqm_pg_value){.text = call->operation->roles};
    identity->values[2] = (struct iqm_pg_value){.text = call->operation->scope};
    batch->together = batch->query_count == 0;
    iqm_pg_batch_add(batch, "identify", identify_sql, identity->values, 3);
    return 0;
}

int iqm_auth_verdict(struct iqm_call *call, const PGresult *identity)
{
    if (identity == NULL || PQntuples(identity) != 1)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (PQgetisnull(identity, 0, 0) == 1)
        return unauthorized(call, "Bearer realm=\"iqm\", error=\"invalid_token\"",
            "The token is not known, has expired or was revoked.");
    call->actor = iqm_arena_string(call->arena, PQgetvalue(identity, 0, 0));
    if (call->actor == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    last_use_note(call->actor);
    if (PQgetvalue(identity, 0, 1)[0] == 't')
        return 0;
    iqm_call_header(call, "WWW-Authenticate",
        iqm_arena_printf(call->arena,
            "Bearer realm=\"iqm\", error=\"insufficient_scope\", scope=\"%s\"",
            call->operation->scope));
    return iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN, NULL);
}

struct refusal {
    struct iqm_call *call;
    struct iqm_problem problem; /* what is wrong, for a caller who may know */
    struct iqm_pg_batch batch;
};

static void refusal_done(struct iqm_pg_batch *batch)
{
    struct refusal *refusal = batch->user;
    struct iqm_call *call = refusal->call;

    iqm_problem_init(&call->problem, call->arena);
    if (batch->error != 0)
        iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    else if (iqm_auth_verdict(call, batch->results[0]) == 0)
        call->problem = refusal->problem;
    iqm_pg_batch_clear(batch);
    iqm_call_fail(call);
}

void iqm_auth_refuse(struct iqm_call *call)
{
    struct refusal *refusal = iqm_arena_alloc(call->arena, sizeof *refusal);

    if (refusal == NULL) {
        iqm_call_fail(call);
        return;
    }
    refusal->call = call;
    refusal->problem = call->problem;
    refusal->batch.done = refusal_done;
    refusal->batch.user = refusal;
    iqm_problem_init(&call->problem, call->arena);
    if (iqm_auth_identify(call, &refusal->batch) != 0)
        iqm_call_fail(call);
    else
        iqm_pg_read(call->pg, &refusal->batch);
}
