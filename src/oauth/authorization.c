/*
 * The authorization request: which client asks, for what, and where its person goes back to.
 * Whatever is wrong with client or redirect is told on a page, never by a redirect; all else goes
 * back to the client. Sources: RFC 6749, 4.1.1 and 4.1.2; RFC 7636, 4.3; RFC 9207.
 */
#include "oauth.h"

#include "contract_tables.h"
#include "iqm/http.h"

#include <string.h>

#define CHALLENGE_LENGTH 43 /* base64url of a SHA-256 */

static void release(struct iqm_call *call)
{
    struct authorization *authorization = call->state;

    iqm_pg_batch_clear(&authorization->batch);
    json_decref(authorization->registered);
}

struct authorization *authorization_new(struct iqm_call *call)
{
    struct authorization *authorization = iqm_arena_alloc(call->arena, sizeof *authorization);

    if (authorization == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    authorization->call = call;
    authorization->client = query_text(call, "client_id");
    authorization->sent_redirect = query_text(call, "redirect_uri");
    authorization->state = query_text(call, "state");
    authorization->challenge = query_text(call, "code_challenge");
    authorization->values[0].text = authorization->client;
    iqm_pg_batch_add(&authorization->batch, "find_client",
        "SELECT name, redirect_uris, scopes FROM find_client($1::uuid)", authorization->values, 1);
    call->state = authorization;
    call->release = release;
    return authorization;
}

static char separator(const char *uri)
{
    return strchr(uri, '?') != NULL ? '&' : '?';
}

/* `issuer` keeps an answer of another server from passing for ours (RFC 9207). */
static void go_back(struct authorization *authorization, const char *answer)
{
    struct iqm_call *call = authorization->call;
    const char *redirect = authorization->redirect;
    const char *issuer = url_encode(call->arena, iqm_server_url());
    const char *state =
        authorization->state != NULL ? url_encode(call->arena, authorization->state) : "";
    const char *location =
        answer == NULL || issuer == NULL || state == NULL
            ? NULL
            : iqm_arena_printf(call->arena, "%s%c%s%s%s&iss=%s", redirect, separator(redirect),
                  answer, *state != '\0' ? "&state=" : "", state, issuer);

    if (location != NULL)
        iqm_call_redirect(call, location);
    else
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
}

void authorization_refuse(
    struct authorization *authorization, const char *error, const char *sentence)
{
    struct iqm_arena *arena = authorization->call->arena;
    const char *description = url_encode(arena, sentence);

    go_back(authorization,
        description == NULL
            ? NULL
            : iqm_arena_printf(arena, "error=%s&error_description=%s", error, description));
}

void authorization_answer(struct authorization *authorization, const char *code)
{
    go_back(authorization, iqm_arena_printf(authorization->call->arena, "code=%s", code));
}

static int tell_person(struct authorization *authorization, const char *sentence)
{
    return iqm_problem_set(
        &authorization->call->problem, IQM_PROBLEM_INVALID_REQUEST, "%s", sentence);
}

static int take_client(struct authorization *authorization)
{
    const PGresult *row = authorization->batch.results[0];
    struct iqm_arena *arena = authorization->call->arena;

    if (PQntuples(row) != 1)
        return tell_person(authorization,
            "The application that sent you here is not registered. Tell the people who make it:"
            " they need to send the client_id that head office gave them, or to ask for one.");
    authorization->client_name = iqm_arena_string(arena, PQgetvalue(row, 0, 0));
    authorization->registered = json_loads(PQgetvalue(row, 0, 1), 0, NULL);
    authorization->allowed = iqm_arena_string(arena, PQgetvalue(row, 0, 2));
    if (authorization->client_name == NULL || authorization->registered == NULL ||
        authorization->allowed == NULL)
        return IQM_ENOMEM;
    authorization->redirect =
        redirect_find(authorization->registered, authorization->sent_redirect);
    if (authorization->redirect == NULL)
        return tell_person(authorization,
            "The application that sent you here names an address to go back to that it has not"
            " registered. Tell the people who make it: they need to send a redirect_uri that"
            " stands in their registration, to the letter.");
    return 0;
}

struct fault {
    const char *error, *sentence;
};

static struct fault find_fault(const struct authorization *authorization)
{
    const struct iqm_call *call = authorization->call;
    const char *type = query_text(call, "response_type");
    const char *method = query_text(call, "code_challenge_method");

    if (type == NULL)
        return (struct fault){"invalid_request", "response_type is missing."};
    if (strcmp(type, "code") != 0)
        return (struct fault){"unsupported_response_type", "response_type must be code."};
    if (authorization->challenge == NULL)
        return (struct fault){"invalid_request", "code_challenge is missing (RFC 7636)."};
    if (method == NULL || strcmp(method, "S256") != 0)
        return (struct fault){"invalid_request", "code_challenge_method must be S256."};
    if (!is_unreserved(authorization->challenge, CHALLENGE_LENGTH, CHALLENGE_LENGTH) ||
        strpbrk(authorization->challenge, ".~") != NULL)
        return (struct fault){"invalid_request", "code_challenge must be 43 letters of base64url."};
    return (struct fault){NULL, NULL};
}

/* 0 when the person may be asked; else the call is answered. */
static int check(struct authorization *authorization)
{
    const struct iqm_call *call = authorization->call;
    struct fault fault = find_fault(authorization);

    authorization->scopes = authorization->allowed;
    if (fault.error == NULL && scopes_read(call, query_text(call, "scope"), authorization->allowed,
                                   &authorization->scopes) != 0)
        fault = (struct fault){
            "invalid_scope", "scope names something that this client may not ask for."};
    if (fault.error == NULL)
        return 0;
    authorization_refuse(authorization, fault.error, fault.sentence);
    return IQM_EPROBLEM;
}

static void looked_up(struct iqm_pg_batch *batch)
{
    struct authorization *authorization = batch->user;
    struct iqm_call *call = authorization->call;

    if (batch->error != 0)
        iqm_call_fail_with(call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else if (take_client(authorization) != 0)
        iqm_call_fail(call);
    else if (check(authorization) == 0)
        authorization->ready(authorization);
}

void authorization_look_up(
    struct authorization *authorization, void (*ready)(struct authorization *authorization))
{
    const char *client = authorization->client;

    authorization->ready = ready;
    authorization->batch.done = looked_up;
    authorization->batch.user = authorization;
    if (client != NULL && iqm_format_matches(IQM_FORMAT_UUID, client, strlen(client))) {
        iqm_pg_read(authorization->call->pg, &authorization->batch);
        return;
    }
    tell_person(authorization,
        "The application that sent you here does not say which one it is. Tell the people who make"
        " it: they need to send the client_id that head office gave them, a UUID.");
    iqm_call_fail(authorization->call);
}

static void show_page(struct authorization *authorization)
{
    consent_show(authorization, 200, NULL, NULL);
}

void iqm_op_get_authorization(struct iqm_call *call)
{
    struct authorization *authorization = authorization_new(call);

    if (authorization != NULL)
        authorization_look_up(authorization, show_page);
}
