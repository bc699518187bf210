/* Answers: from a handler's words to a response with all the headers every answer has. */
#include "request.h"

#include "contract_tables.h"
#include "worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMPRESS_FROM 1000
/* What may be kept so long never changes at its address (RFC 8246). */
#define A_YEAR 31536000

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

/* Which origin's pages may read the answer: NULL, none. What is open is so whoever asks: a cache
 * may give the answer to others. */
static const char *admitted_origin(struct request *request)
{
    struct iqm_slice origin = request->fields.origin;

    if (cors_is_open(request))
        return "*";
    return cors_admits(request) ? iqm_arena_copy(request->call.arena, origin.ptr, origin.len)
                                : NULL;
}

/* Whether Accept chooses between several forms of an answer: those stand side by side. */
static bool chooses_form(const struct iqm_operation *operation)
{
    const struct iqm_response *response = operation != NULL ? operation->responses : NULL;

    for (; response != NULL && response->status != 0; response++) {
        if (response[1].status == response->status)
            return true;
    }
    return false;
}

static void add_cors(struct request *request, struct MHD_Response *response)
{
    const char *origin = admitted_origin(request);
    bool by_origin = cors_is_used(request) && !cors_is_open(request);

    add(response, "Vary",
        chooses_form(request->call.operation)
            ? (by_origin ? "Accept-Encoding, Accept, Origin" : "Accept-Encoding, Accept")
            : (by_origin ? "Accept-Encoding, Origin" : "Accept-Encoding"));
    if (origin == NULL)
        return;
    add(response, "Access-Control-Allow-Origin", origin);
    add(response, "Access-Control-Expose-Headers",
        "Accept-Ranges, Content-Disposition, Content-Range, Deprecation, ETag, "
        "Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, "
        "Repr-Digest, Retry-After, Sunset, X-Request-Id");
}

/* Only what has a version may be kept. */
static void add_cache_control(struct request *request, struct MHD_Response *response)
{
    const struct iqm_operation *operation = request->call.operation;
    char text[50];

    if (request->etag == NULL || operation == NULL || operation->cache_seconds == 0) {
        add(response, "Cache-Control", request->etag != NULL ? "private, no-cache" : "no-store");
        return;
    }
    snprintf(text, sizeof text, "public, max-age=%" PRIu32 "%s", operation->cache_seconds,
        operation->cache_seconds >= A_YEAR ? ", immutable" : "");
    add(response, "Cache-Control", text);
}

/* That an operation is on its way out. */
static void tell_deprecation(const struct iqm_operation *operation, struct MHD_Response *response)
{
    const struct iqm_deprecation *said = operation != NULL ? &operation->deprecation : NULL;

    if (said == NULL || said->since == NULL)
        return;
    add(response, "Deprecation", said->since);
    if (said->sunset != NULL)
        add(response, "Sunset", said->sunset);
    if (said->successor != NULL)
        add(response, "Link", said->successor);
}

static void add_common(struct request *request, struct MHD_Response *response, bool compressed)
{
    if (request->etag != NULL) {
        char etag[110];
        snprintf(etag, sizeof etag, compressed ? "\"%s.gz\"" : "\"%s\"", request->etag);
        add(response, "ETag", etag);
    }
    if (compressed)
        add(response, "Content-Encoding", "gzip");
    add_cors(request, response);
    for (unsigned i = 0; i < request->header_count; i++)
        add(response, request->headers[i].name, request->headers[i].value);
    tell_deprecation(request->call.operation, response);
    add(response, "X-Request-Id", request->request_id_text);
    throttle_tell(request, response);
    add(response, "X-Content-Type-Options", "nosniff");
    add_cache_control(request, response);
    if (request->worker->draining || request->framing_in_doubt)
        add(response, "Connection", "close");
}

/* Not pages: their length would tell about a secret in a form beside what the caller sent. */
static bool may_compress(const char *media_type)
{
    return media_type != NULL && strncmp(media_type, "text/html", strlen("text/html")) != 0;
}

void reply_with(struct request *request, struct MHD_Response *response, unsigned status,
    const char *media_type, bool compressed)
{
    if (response == NULL) {
        request_answer(request, NULL, status);
        return;
    }
    /* A 304 has the length of the answer it stands for, or none (RFC 9110, 8.6). */
    if (status == MHD_HTTP_NOT_MODIFIED)
        MHD_set_response_options(response, MHD_RF_HEAD_ONLY_RESPONSE, MHD_RO_END);
    if (media_type != NULL)
        add(response, "Content-Type", media_type);
    add_common(request, response, compressed);
    request_answer(request, response, status);
}

static void send_bytes(struct request *request, unsigned status, const char *media_type,
    struct iqm_slice bytes, bool compressed)
{
    request->answer_bytes = bytes.len;
    reply_with(request,
        MHD_create_response_from_buffer(
            bytes.len, (void *)(uintptr_t)bytes.ptr, MHD_RESPMEM_PERSISTENT),
        status, media_type, compressed);
}

static void respond(
    struct request *request, unsigned status, const char *media_type, const char *bytes, size_t len)
{
    bool compressed = false;

    if (len >= COMPRESS_FROM && may_compress(media_type) &&
        fields_accept_gzip(request->fields.accept_encoding)) {
        size_t shorter;
        const char *packed = gzip_compress(request->call.arena, bytes, len, &shorter);
        if (packed != NULL) {
            bytes = packed;
            len = shorter;
            compressed = true;
        }
    }
    send_bytes(request, status, media_type, (struct iqm_slice){bytes, len}, compressed);
}

void iqm_call_reply_packed(
    struct iqm_call *call, const char *media_type, struct iqm_slice plain, struct iqm_slice packed)
{
    struct request *request = request_of(call);
    bool compressed = fields_accept_gzip(request->fields.accept_encoding);

    send_bytes(request, 200, media_type, compressed ? packed : plain, compressed);
}

void iqm_call_header(struct iqm_call *call, const char *name, const char *value)
{
    struct request *request = request_of(call);

    if (value == NULL || call->part != NULL || request->header_count >= ANSWER_HEADERS_MAX)
        return;
    request->headers[request->header_count].name = name;
    request->headers[request->header_count++].value = value;
}

void iqm_call_etag(struct iqm_call *call, const char *version)
{
    if (call->part != NULL)
        call->part->version = version;
    else
        request_of(call)->etag = version;
}

/* Whether the caller would rather not have the body, and the operation can do without. */
static bool may_be_minimal(const struct request *request, unsigned status)
{
    return request->fields.prefer.ptr != NULL && status < MHD_HTTP_MULTIPLE_CHOICES &&
           request->call.operation != NULL && // OPTIONS is none
           iqm_call_parameter(&request->call, "Prefer").ptr != NULL &&
           prefer_minimal(request->fields.prefer);
}

void iqm_call_reply(
    struct iqm_call *call, unsigned status, const char *media_type, const char *bytes, size_t len)
{
    if (call->part != NULL) {
        call->part->status = status;
        call->part->body = (struct iqm_slice){bytes, len};
        call->part->answered(call);
        return;
    }
    if (may_be_minimal(request_of(call), status)) {
        iqm_call_header(call, "Preference-Applied", "return=minimal");
        respond(request_of(call), status, NULL, "", 0);
        return;
    }
    respond(request_of(call), status, media_type, bytes, len);
}

static const char *allowed_methods(struct request *request)
{
    static const char *const names[IQM_METHOD_COUNT] = {
        "GET, HEAD", "PUT", "POST", "PATCH", "DELETE"};
    const struct iqm_route *route = request->route;
    char *text = iqm_arena_alloc(request->call.arena, 64);
    size_t length = 0;

    if (text == NULL)
        return "OPTIONS";
    for (size_t i = 0; route != NULL && i < IQM_METHOD_COUNT; i++) {
        if (route->operations[i] != NULL)
            length += (size_t)snprintf(text + length, 64 - length, "%s, ", names[i]);
    }
    snprintf(text + length, 64 - length, "OPTIONS");
    return text;
}

void reply_method_not_allowed(struct request *request)
{
    iqm_call_header(&request->call, "Allow", allowed_methods(request));
    iqm_problem_set(&request->call.problem, IQM_PROBLEM_METHOD_NOT_ALLOWED, NULL);
}

/* OPTIONS, and with it the CORS preflight. */
void reply_options(struct request *request)
{
    struct iqm_call *call = &request->call;
    const char *allowed = allowed_methods(request);

    iqm_call_header(call, "Allow", allowed);
    if (request->fields.request_method.ptr != NULL &&
        (cors_is_open(request) || cors_admits(request))) {
        iqm_call_header(call, "Access-Control-Allow-Methods", allowed);
        iqm_call_header(call, "Access-Control-Allow-Headers",
            "Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, "
            "If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, Repr-Digest, "
            "traceparent, X-Request-Id");
        iqm_call_header(call, "Access-Control-Max-Age", "600");
    }
    iqm_call_reply(call, MHD_HTTP_NO_CONTENT, NULL, "", 0);
}
