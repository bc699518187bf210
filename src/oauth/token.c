/*
 * The token endpoint: a code, a refresh token or a client's own credentials for an access token.
 * One function in the database does each, whole; here are only the secrets.
 * Sources: RFC 6749, 4.1.3, 4.4 and 6; RFC 7636, 4.5; RFC 9700, 4.14 (rotation).
 */
#include "oauth.h"

#include "contract_tables.h"

#include <sodium.h>
#include <string.h>

#define VERIFIER_MIN 43
#define VERIFIER_MAX 128
#define CHALLENGE_TEXT 44

struct exchange {
    struct iqm_call *call;
    struct client client;
    bool refreshes; /* a refresh token is part of the answer */
    char access[IQM_TOKEN_TEXT], refresh[IQM_TOKEN_TEXT];
    uint8_t access_hash[IQM_TOKEN_HASH], refresh_hash[IQM_TOKEN_HASH];
    uint8_t shown_hash[IQM_TOKEN_HASH];
    char challenge[CHALLENGE_TEXT];
    const char *scopes; /* that are asked for, as an array; NULL: all */
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[8];
};

static void release(struct iqm_call *call)
{
    struct exchange *exchange = call->state;

    iqm_pg_batch_clear(&exchange->batch);
}

static void answer(struct exchange *exchange, const char *scope)
{
    struct iqm_call *call = exchange->call;
    const char *refresh = exchange->refreshes ? iqm_arena_printf(call->arena,
                                                    "\"refresh_token\":\"%s\",", exchange->refresh)
                                              : "";
    const char *text = refresh == NULL ? NULL
                                       : iqm_arena_printf(call->arena,
                                             "{\"access_token\":\"%s\",\"token_type\":\"Bearer\","
                                             "\"expires_in\":%d,%s\"scope\":\"%s\"}",
                                             exchange->access, ACCESS_SECONDS, refresh, scope);

    if (text == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply(call, 200, "application/json", text, strlen(text));
}

static void on_exchanged(struct iqm_pg_batch *batch)
{
    struct exchange *exchange = batch->user;

    if (client_outcome(exchange->call, batch) != 0)
        iqm_call_fail(exchange->call);
    else
        answer(exchange, PQgetvalue(batch->results[0], 0, 1));
}

static int invalid_request(struct exchange *exchange, const char *sentence)
{
    return iqm_problem_set(&exchange->call->problem, IQM_PROBLEM_INVALID_REQUEST, "%s", sentence);
}

/* BASE64URL(SHA256(verifier)): what the challenge must have been (RFC 7636, 4.6). */
static void challenge_of(const char *verifier, char ret_challenge[static CHALLENGE_TEXT])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)verifier, strlen(verifier));
    sodium_bin2base64(
        ret_challenge, CHALLENGE_TEXT, hash, sizeof hash, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int add_code(struct exchange *exchange)
{
    struct iqm_call *call = exchange->call;
    const char *code = form_text(call, "code");
    const char *verifier = form_text(call, "code_verifier");
    struct iqm_pg_value *values = exchange->values;

    if (code == NULL)
        return invalid_request(exchange, "code is missing.");
    if (verifier == NULL)
        return invalid_request(exchange, "code_verifier is missing (RFC 7636).");
    if (!is_unreserved(verifier, VERIFIER_MIN, VERIFIER_MAX))
        return invalid_request(
            exchange, "code_verifier must be 43 to 128 unreserved letters (RFC 7636).");
    challenge_of(verifier, exchange->challenge);
    secret_hash(call, code, exchange->shown_hash);
    values[2] = hash_value(exchange->shown_hash);
    values[3].text = form_text(call, "redirect_uri");
    values[4].text = exchange->challenge;
    values[5] = hash_value(exchange->access_hash);
    values[6] = hash_value(exchange->refresh_hash);
    values[7].text = call->request_id;
    exchange->refreshes = true;
    iqm_pg_batch_add(&exchange->batch, "redeem_code",
        "SELECT outcome, granted FROM redeem_code($1::uuid, $2, $3, $4, $5, $6, $7, $8)", values,
        8);
    return 0;
}

static int add_refresh(struct exchange *exchange)
{
    struct iqm_call *call = exchange->call;
    const char *token = form_text(call, "refresh_token");
    struct iqm_pg_value *values = exchange->values;

    if (token == NULL)
        return invalid_request(exchange, "refresh_token is missing.");
    secret_hash(call, token, exchange->shown_hash);
    values[2] = hash_value(exchange->shown_hash);
    values[3].text = exchange->scopes;
    values[4] = hash_value(exchange->access_hash);
    values[5] = hash_value(exchange->refresh_hash);
    values[6].text = call->request_id;
    exchange->refreshes = true;
    iqm_pg_batch_add(&exchange->batch, "refresh_session",
        "SELECT outcome, granted FROM refresh_session($1::uuid, $2, $3, $4::text[], $5, $6, $7)",
        values, 7);
    return 0;
}

static int add_client_credentials(struct exchange *exchange)
{
    struct iqm_pg_value *values = exchange->values;

    values[2].text = exchange->scopes;
    values[3] = hash_value(exchange->access_hash);
    iqm_pg_batch_add(&exchange->batch, "issue_client_token",
        "SELECT outcome, granted FROM issue_client_token($1::uuid, $2, $3::text[], $4)", values, 4);
    return 0;
}

static const struct grant {
    const char *type;
    int (*add)(struct exchange *exchange);
} grants[] = {{"authorization_code", add_code}, {"refresh_token", add_refresh},
    {"client_credentials", add_client_credentials}};

static int add_grant(struct exchange *exchange)
{
    const char *type = form_text(exchange->call, "grant_type");

    if (type == NULL)
        return invalid_request(exchange, "grant_type is missing.");
    for (size_t i = 0; i < IQM_LENGTH(grants); i++) {
        if (strcmp(grants[i].type, type) == 0)
            return grants[i].add(exchange);
    }
    return iqm_problem_set(&exchange->call->problem, IQM_PROBLEM_UNSUPPORTED_GRANT_TYPE, NULL);
}

static int prepare(struct exchange *exchange)
{
    struct iqm_call *call = exchange->call;

    if (client_read(call, &exchange->client) != 0)
        return IQM_EPROBLEM;
    if (scopes_read(call, form_text(call, "scope"), NULL, &exchange->scopes) != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_SCOPE, NULL);
    client_bind(&exchange->client, exchange->values);
    iqm_token_new(exchange->access);
    iqm_secret_new(REFRESH_PREFIX, exchange->refresh);
    secret_hash(call, exchange->access, exchange->access_hash);
    secret_hash(call, exchange->refresh, exchange->refresh_hash);
    return add_grant(exchange);
}

void iqm_op_create_token(struct iqm_call *call)
{
    struct exchange *exchange = iqm_arena_alloc(call->arena, sizeof *exchange);

    if (exchange == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    exchange->call = call;
    exchange->batch.done = on_exchanged;
    exchange->batch.user = exchange;
    call->state = exchange;
    call->release = release;
    if (prepare(exchange) != 0)
        iqm_call_fail(call);
    else
        iqm_pg_write(call->pg, &exchange->batch);
}
