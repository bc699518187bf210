/*
 * Rate limits where requests meet them: by address and by token as soon as the head is known, by
 * client once a token's client was learned; refused before any statement, and told on every answer.
 */
#include "request.h"

#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "worker.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define KNOWN_CLIENTS 1024 /* a thread */
#define FIELD_TEXT 96

/* Which client a token belongs to, both as the table of limits hashes them. Forgetting costs one
 * request that is counted late. */
static _Thread_local struct {
    uint64_t token, client;
} known_clients[KNOWN_CLIENTS];

struct iqm_slice iqm_call_bearer(const struct iqm_call *call)
{
    const size_t scheme = strlen("Bearer ");
    struct iqm_slice token = call->authorization;
    struct iqm_slice none = {NULL, 0};

    if (token.len <= scheme || strncasecmp(token.ptr, "Bearer ", scheme) != 0)
        return none;
    token = (struct iqm_slice){token.ptr + scheme, token.len - scheme};
    while (token.len > 0 && *token.ptr == ' ') {
        token.ptr++;
        token.len--;
    }
    if (token.len != IQM_TOKEN_TEXT - 1 ||
        memcmp(token.ptr, IQM_TOKEN_PREFIX, strlen(IQM_TOKEN_PREFIX)) != 0)
        return none;
    return token;
}

uint64_t iqm_call_token_hash(struct iqm_call *call)
{
    return request_of(call)->token_hash;
}

/* Shown is the limit that leaves least. */
static void show(struct request *request, const struct iqm_limit_state *state)
{
    if (state->limit != NULL &&
        (request->limit.limit == NULL || state->remaining < request->limit.remaining))
        request->limit = *state;
}

static int take(struct request *request, enum iqm_limit_kind kind, uint64_t hash, uint64_t now)
{
    struct iqm_limit_state state;
    int error = iqm_limit_take_hashed(iqm_limit_configured(kind), hash, now, &state);

    if (error != 0)
        return iqm_limits_refuse(&request->call, &state);
    show(request, &state);
    return 0;
}

static int take_token(struct request *request, uint64_t now)
{
    struct iqm_slice token = iqm_call_bearer(&request->call);

    if (token.ptr == NULL)
        return 0;
    uint64_t hash = iqm_limit_hash(IQM_LIMIT_TOKEN, token.ptr, token.len);
    request->token_hash = hash;
    int error = take(request, IQM_LIMIT_TOKEN, hash, now);
    if (error == 0 && known_clients[hash % KNOWN_CLIENTS].token == hash)
        error = take(request, IQM_LIMIT_CLIENT, known_clients[hash % KNOWN_CLIENTS].client, now);
    return error;
}

int throttle_admit(struct request *request)
{
    struct iqm_call *call = &request->call;
    uint64_t now = iqm_clock_ms();
    uint64_t address =
        iqm_limit_hash(IQM_LIMIT_ADDRESS, &call->address_key, sizeof call->address_key);
    int error = take(request, IQM_LIMIT_ADDRESS, address, now);

    return error != 0 ? error : take_token(request, now);
}

void iqm_limits_learn(struct iqm_call *call, const char *client)
{
    struct request *request = request_of(call);
    uint64_t token = request->token_hash;
    struct iqm_limit_state state;

    if (token == 0 || known_clients[token % KNOWN_CLIENTS].token == token)
        return;
    uint64_t hash = iqm_limit_hash(IQM_LIMIT_CLIENT, client, strlen(client));
    known_clients[token % KNOWN_CLIENTS].token = token;
    known_clients[token % KNOWN_CLIENTS].client = hash;
    /* This request is under way already: it counts, but is not refused. */
    iqm_limit_take_hashed(iqm_limit_configured(IQM_LIMIT_CLIENT), hash, iqm_clock_ms(), &state);
    show(request, &state);
}

static char *put_text(char *to, const char *text)
{
    size_t length = strlen(text);

    memcpy(to, text, length);
    return to + length;
}

static char *put_number(char *to, int64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

static char *put_member(char *to, const char *name, int64_t number)
{
    return put_number(put_text(to, name), number);
}

/* A person on a page sees no headers. */
static int refuse_person(struct iqm_call *call, int64_t seconds)
{
    bool is_short = seconds < 120;
    int64_t count = is_short ? seconds : (seconds + 59) / 60;

    return iqm_problem_set(&call->problem, IQM_PROBLEM_RATE_LIMITED,
        "There were too many tries in a short time. Wait %" PRId64
        " %s%s, then go back and try again.",
        count, is_short ? "second" : "minute", count == 1 ? "" : "s");
}

int iqm_limits_refuse(struct iqm_call *call, const struct iqm_limit_state *state)
{
    struct request *request = request_of(call);
    char *retry = iqm_arena_alloc(call->arena, 21);

    request->limit = *state;
    if (retry != NULL) {
        *put_number(retry, state->retry_s) = '\0';
        iqm_call_header(call, "Retry-After", retry);
    }
    counter_add(&request->worker->counters.limited, 1);
    if (call->operation != NULL && call->operation->errors == IQM_ERRORS_PAGE)
        return refuse_person(call, state->retry_s);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_RATE_LIMITED, NULL);
}

/* RateLimit and RateLimit-Policy: lists of structured strings with parameters (RFC 9651). */
void throttle_tell(const struct request *request, struct MHD_Response *response)
{
    const struct iqm_limit_state *state = &request->limit;
    char text[FIELD_TEXT];
    char *end = text;

    if (state->limit == NULL)
        return;
    *end++ = '"';
    char *after_name = end = put_text(put_text(end, state->limit->name), "\"");
    *put_member(put_member(end, ";r=", state->remaining), ";t=", state->reset_s) = '\0';
    MHD_add_response_header(response, "RateLimit", text);
    *put_member(put_member(after_name, ";q=", state->limit->quota), ";w=", state->limit->window_s) =
        '\0';
    MHD_add_response_header(response, "RateLimit-Policy", text);
}

int iqm_limits_admit_form(struct iqm_call *call)
{
    struct iqm_limit_state state;

    if (iqm_limit_take(IQM_LIMIT_SIGN_IN_ADDRESS, iqm_limit_configured(IQM_LIMIT_SIGN_IN_ADDRESS),
            &call->address_key, sizeof call->address_key, iqm_clock_ms(), &state) == 0)
        return 0;
    return iqm_limits_refuse(call, &state);
}
