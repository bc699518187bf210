/*
 * What a call that fails is answered with: the problem, in the form in which its operation tells
 * errors. Which problem it is has been decided before.
 */
#include "request.h"

#include "contract_tables.h"
#include "iqm/page.h"
#include "worker.h"

#include <string.h>

/* The headers that go with certain statuses, unless the handler has set better ones. */
static void add_problem_headers(struct request *request, unsigned status, const char *challenge)
{
    bool has_challenge = false;

    for (unsigned i = 0; i < request->header_count; i++)
        has_challenge |= strcmp(request->headers[i].name, "WWW-Authenticate") == 0;
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        iqm_call_header(&request->call, "Retry-After", "2");
    if (request->call.problem.type == IQM_PROBLEM_IDEMPOTENCY_KEY_IN_USE)
        iqm_call_header(&request->call, "Retry-After", "1");
    if (status == MHD_HTTP_UNAUTHORIZED && !has_challenge)
        iqm_call_header(&request->call, "WWW-Authenticate", challenge);
}

static void fail_as_problem(struct iqm_call *call)
{
    size_t length = 0;
    unsigned status = call->problem.type->status;
    const char *text = iqm_problem_text(&call->problem, request_of(call)->request_id_text, &length);

    if (call->part == NULL)
        add_problem_headers(request_of(call), status, "Bearer realm=\"iqm\"");
    if (text == NULL) { /* the arena is full: the status says all that is left to say */
        text = "{}";
        length = 2;
    }
    iqm_call_reply(call, status, "application/problem+json", text, length);
}

const char *failure_sentence(const struct iqm_problem *problem)
{
    if (problem->detail == NULL && problem->violation_count > 0) {
        const struct iqm_violation *first = &problem->violations[0];
        const char *name = first->parameter;
        if (name == NULL)
            name =
                first->pointer != NULL && *first->pointer != '\0' ? first->pointer + 1 : "The body";
        const char *text = iqm_arena_printf(problem->arena, "%s %s.", name, first->detail);
        if (text != NULL)
            return text;
    }
    return problem->detail != NULL ? problem->detail : problem->type->detail;
}

static const char *oauth_code(const struct iqm_problem_type *type)
{
    if (type->oauth)
        return type->name;
    switch (type->status) {
    case MHD_HTTP_UNAUTHORIZED:
        return "invalid_client";
    case MHD_HTTP_FORBIDDEN:
        return "access_denied";
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return "slow_down";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "temporarily_unavailable";
    default:
        return type->status >= MHD_HTTP_INTERNAL_SERVER_ERROR ? "server_error" : "invalid_request";
    }
}

/* U+2018 to U+201F, the typographic quotes. */
static bool is_quote(const char *text)
{
    return *text == '"' || (strncmp(text, "\xE2\x80", 2) == 0 && (unsigned char)text[2] >= 0x98 &&
                               (unsigned char)text[2] <= 0x9F);
}

/* In the letters that an error description may have: what also needs no escape in JSON. */
static const char *oauth_description(struct iqm_arena *arena, const char *text)
{
    char *plain = iqm_arena_alloc(arena, strlen(text) + 1);

    for (size_t length = 0; plain != NULL && *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte & 0xC0) == 0x80)
            continue; /* its code point has been written */
        if (is_quote(text))
            plain[length++] = '\'';
        else
            plain[length++] = byte < 0x20 || byte >= 0x7F || byte == '\\' ? '?' : *text;
    }
    return plain;
}

const char *failure_oauth_text(const struct iqm_problem *problem)
{
    const char *code = oauth_code(problem->type);
    const char *description = oauth_description(problem->arena, failure_sentence(problem));
    const char *text =
        iqm_arena_printf(problem->arena, "{\"error\":\"%s\",\"error_description\":\"%s\"}", code,
            description != NULL ? description : code);

    return text != NULL ? text : "{\"error\":\"server_error\"}";
}

static void fail_as_oauth(struct iqm_call *call)
{
    const char *text = failure_oauth_text(&call->problem);
    unsigned status = call->problem.type->status;

    add_problem_headers(request_of(call), status, "Basic realm=\"iqm\"");
    iqm_call_reply(call, status, "application/json", text, strlen(text));
}

static void fail_as_page(struct iqm_call *call)
{
    const struct iqm_problem_type *type = call->problem.type;
    struct iqm_page page;

    iqm_page_begin(&page, call, type->title);
    iqm_page_add(&page, "<p>");
    iqm_page_text(&page, failure_sentence(&call->problem));
    iqm_page_add(&page, "</p>\n<p class=\"quiet\">When you ask for help, quote this: ");
    iqm_page_text(&page, request_of(call)->request_id_text);
    iqm_page_add(&page, "</p>\n");
    add_problem_headers(request_of(call), type->status, "Bearer realm=\"iqm\"");
    iqm_page_reply(call, type->status, &page, NULL);
}

/* Whether the call is answered by who looks first if it was done before. Who may not do it now is
 * not told, and what is beyond the caller is tried again anyway. */
static bool recalls(struct iqm_call *call)
{
    const struct request *request = request_of(call);
    struct iqm_idempotency *one = call->idempotency;
    unsigned status = call->problem.type->status;

    if (!one->ready || one->recalled || request->worker->options->recall == NULL ||
        status == MHD_HTTP_UNAUTHORIZED || status == MHD_HTTP_FORBIDDEN ||
        status == MHD_HTTP_TOO_MANY_REQUESTS || status >= MHD_HTTP_INTERNAL_SERVER_ERROR)
        return false;
    one->recalled = true;
    request->worker->options->recall(call);
    return true;
}

void iqm_call_fail(struct iqm_call *call)
{
    if (call->problem.type == NULL)
        iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (call->idempotency != NULL && recalls(call))
        return;
    iqm_call_etag(call, NULL);
    if (call->operation != NULL && call->operation->errors == IQM_ERRORS_OAUTH)
        fail_as_oauth(call);
    else if (call->operation != NULL && call->operation->errors == IQM_ERRORS_PAGE)
        fail_as_page(call);
    else
        fail_as_problem(call);
}

void iqm_call_fail_with(struct iqm_call *call, const struct iqm_problem_type *type)
{
    iqm_problem_set(&call->problem, type, NULL);
    iqm_call_fail(call);
}
