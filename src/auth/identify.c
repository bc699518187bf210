/* The statement that says who calls, and the verdict on its answer. */
#include "iqm/auth.h"

#include "contract_tables.h"
#include "iqm/idempotency.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "iqm/services.h"
#include "last_use.h"

#include <string.h>

/*
 * Always one row, and always sets all settings: for an unknown token they are empty, which no
 * policy lets through ('' out of scope, '{}' without a role that may do this). What row-level
 * security sees as roles are those of the caller that may. Asked for every request: each column and
 * each function is felt. Compared are hashes of 256 random bits: their comparison tells nothing of
 * a token.
 */
#define IDENTIFY_CALLER IDENTIFY_IN("$3 = ANY (scopes)")
#define IDENTIFY_IN(in_scope)                                                                      \
    "SELECT who, set_config('iqm.roles', CASE"                                                     \
    " WHEN NOT (any_scope OR " in_scope ") THEN ''"                                                \
    " WHEN only_role = ANY ($2::text[]) THEN role_set"                                             \
    " WHEN only_role IS NULL THEN roles_among(roles, $2::text[]) ELSE '{}' END, true),"            \
    " set_config('iqm.actor', coalesce(acts_as, ''), true)"
#define IDENTIFY_FROM                                                                              \
    " FROM (VALUES (1)) AS one LEFT JOIN token"                                                    \
    " ON hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"

static const char identify_sql[] = IDENTIFY_CALLER IDENTIFY_FROM;

/* Where more than one scope is needed. */
static const char identify_several_sql[] =
    IDENTIFY_IN("$3::text[] <@ scopes") ", role_set, scopes" IDENTIFY_FROM;

/* Before a change: also all roles and scopes of the caller, and what its record in the audit log
 * says. */
#define IDENTIFY_CHANGE                                                                            \
    IDENTIFY_CALLER                                                                                \
    ", role_set, set_config('iqm.client', coalesce(token.client_id::text, ''), true),"             \
    " set_config('iqm.operation', $4, true), set_config('iqm.request_id', $5, true),"              \
    " set_config('iqm.scopes', coalesce(scopes::text, ''), true)"

static const char identify_change_sql[] = IDENTIFY_CHANGE IDENTIFY_FROM;

/* Before one that is made once: also claims the key, which fails the batch when it is in use or was
 * used. */
static const char identify_once_sql[] =
    IDENTIFY_CHANGE ", claim_idempotency_key(acts_as, $7, $6)" IDENTIFY_FROM;

/* WHO: ids right after each other: the token's, the client's if any, a person's session's if any.
 */
enum column { WHO, MATCHED, ACTOR, ALL_ROLES, ALL_SCOPES };

struct identity {
    uint8_t hash[IQM_TOKEN_HASH];
    struct iqm_pg_value values[7];
};

static int unauthorized(struct iqm_call *call, const char *challenge, const char *sentence)
{
    iqm_call_header(call, "WWW-Authenticate", challenge);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_UNAUTHORIZED, "%s", sentence);
}

static int add_statement(struct iqm_call *call, struct iqm_pg_batch *batch, bool changes)
{
    const struct iqm_services *services = call->services;
    struct iqm_slice token = iqm_call_bearer(call);

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
    identity->values[1].text = call->may != NULL ? call->may : call->operation->roles;
    identity->values[2].text = call->scopes != NULL ? call->scopes : call->operation->scope;
    identity->values[3].text = call->operation->id;
    identity->values[4].text = call->request_id;
    batch->together = batch->query_count == 0;
    if (changes && call->idempotency != NULL) {
        identity->values[5] = iqm_idempotency_key(call);
        identity->values[6].text = iqm_idempotency_operation(call);
        iqm_pg_batch_add(batch, "identify_once", identify_once_sql, identity->values, 7);
    } else if (changes) {
        iqm_pg_batch_add(batch, "identify_change", identify_change_sql, identity->values, 5);
    } else if (call->scopes != NULL) {
        iqm_pg_batch_add(batch, "identify_several", identify_several_sql, identity->values, 3);
    } else {
        iqm_pg_batch_add(batch, "identify", identify_sql, identity->values, 3);
    }
    return 0;
}

int iqm_auth_identify(struct iqm_call *call, struct iqm_pg_batch *batch)
{
    return add_statement(call, batch, false);
}

int iqm_auth_identify_change(struct iqm_call *call, struct iqm_pg_batch *batch)
{
    return add_statement(call, batch, true);
}

static const char *column_text(struct iqm_call *call, const PGresult *row, enum column column)
{
    return PQgetisnull(row, 0, (int)column) == 1
               ? NULL
               : iqm_arena_string(call->arena, PQgetvalue(row, 0, (int)column));
}

/* What is asked for and not had, each once: "plans:read,people:read". NULL: memory is out. */
static char *scopes_beyond(struct iqm_arena *arena, const char *asked, const char *had)
{
    char *text = iqm_arena_copy(arena, "", 0);
    struct iqm_slice scope;

    while (text != NULL && iqm_roles_next(&asked, &scope)) {
        const char *name = iqm_arena_copy(arena, scope.ptr, scope.len);
        if (name == NULL)
            return NULL;
        if (!iqm_roles_have(had, name) && !iqm_roles_have(text, name))
            text = iqm_arena_printf(arena, "%s%s%s", text, *text != '\0' ? "," : "", name);
    }
    return text;
}

/* The challenge names every scope that is needed, for the next token must have them all (RFC 6750,
 * 3): parted by spaces. */
static void challenge_for(struct iqm_call *call, char *scopes)
{
    for (char *comma = scopes; (comma = strchr(comma, ',')) != NULL;)
        *comma = ' ';
    iqm_call_header(call, "WWW-Authenticate",
        iqm_arena_printf(call->arena,
            "Bearer realm=\"iqm\", error=\"insufficient_scope\", scope=\"%s\"", scopes));
}

/* The sentence names those alone that the token has not. */
static int lack_scope(struct iqm_call *call, const PGresult *identity)
{
    const char *asked = call->scopes != NULL ? call->scopes : call->operation->scope;
    const char *had = call->scopes != NULL ? column_text(call, identity, ALL_SCOPES) : NULL;
    char *needed = scopes_beyond(call->arena, asked, NULL);
    const char *missing = scopes_beyond(call->arena, asked, had);
    const char *named = missing != NULL ? iqm_roles_named(call->arena, missing) : NULL;

    if (needed == NULL || named == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    challenge_for(call, needed);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INSUFFICIENT_SCOPE,
        "The token does not have the scope%s %s, which this needs.",
        strchr(missing, ',') != NULL ? "s" : "", named);
}

/* No other token of this caller would do: no challenge (RFC 6750, 3). */
static int lack_role(struct iqm_call *call)
{
    const char *who =
        iqm_roles_named(call->arena, call->scopes != NULL ? call->may : call->operation->roles);

    if (who == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN, NULL);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN, "Only %s may do this.", who);
}

/* The token is good, but not for this. */
static int forbid(struct iqm_call *call, const PGresult *identity)
{
    bool in_scope = *call->roles != '\0';

    call->roles = PQnfields(identity) > ALL_ROLES ? column_text(call, identity, ALL_ROLES) : NULL;
    call->denied = true;
    if (!in_scope)
        return lack_scope(call, identity);
    if (call->may != NULL && call->scopes == NULL &&
        iqm_roles_share(call->roles, call->operation->roles))
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MEMBER_FORBIDDEN, NULL);
    return lack_role(call);
}

/* The number-th id of WHO, in the arena. */
static int take_id(struct iqm_call *call, const PGresult *identity, int number, const char **ret_id)
{
    const int length = IQM_UUID_TEXT - 1;

    if (PQgetlength(identity, 0, WHO) < (number + 1) * length)
        return 0;
    *ret_id =
        iqm_arena_copy(call->arena, PQgetvalue(identity, 0, WHO) + number * length, (size_t)length);
    return *ret_id != NULL ? 0 : IQM_ENOMEM;
}

static int take_caller(struct iqm_call *call, const PGresult *identity)
{
    call->actor = column_text(call, identity, ACTOR);
    call->roles = column_text(call, identity, MATCHED);
    if (call->actor == NULL || call->roles == NULL ||
        take_id(call, identity, 0, &call->token) != 0 ||
        take_id(call, identity, 1, &call->client) != 0 ||
        take_id(call, identity, 2, &call->session) != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (call->session != NULL)
        call->account = call->actor;
    if (call->client != NULL)
        iqm_limits_learn(call, call->client);
    return 0;
}

int iqm_auth_verdict(struct iqm_call *call, const PGresult *identity)
{
    if (identity == NULL || PQntuples(identity) != 1)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (PQgetisnull(identity, 0, WHO) == 1)
        return unauthorized(call, "Bearer realm=\"iqm\", error=\"invalid_token\"",
            "The token is not known, has expired or was revoked.");
    if (take_caller(call, identity) != 0)
        return IQM_EPROBLEM;
    last_use_note(call->token);
    bool may = *call->roles != '\0' && strcmp(call->roles, "{}") != 0;
    return may ? 0 : forbid(call, identity);
}

bool iqm_auth_holds(const PGresult *identity)
{
    if (identity == NULL || PQntuples(identity) != 1 || PQgetisnull(identity, 0, WHO) == 1)
        return false;
    const char *roles = PQgetvalue(identity, 0, MATCHED);
    return *roles != '\0' && strcmp(roles, "{}") != 0;
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
    iqm_auth_fail(call);
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
    call->may = call->scopes = NULL; /* who may make such a request is told what is wrong with it */
    if (iqm_auth_identify(call, &refusal->batch) != 0)
        iqm_call_fail(call);
    else
        iqm_pg_read(call->pg, &refusal->batch);
}
