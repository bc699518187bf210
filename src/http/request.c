/*
 * The life of one request between the HTTP parser and a handler: begun, routed, its body taken in,
 * handed on, suspended while the database works, answered, logged.
 */
#include "request.h"

#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/log.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A body up to this size is read away after an error, so that the connection can be kept. */
#define READ_AWAY_MAX (64 * 1024)
/* Of one whose length is not told before, since the parser takes no answer in the middle. */
#define CHUNKS_AWAY_MAX (4 * 1024 * 1024)

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void link_request(struct request *request)
{
    struct worker *worker = request->worker;

    request->next = worker->requests;
    if (request->next != NULL)
        request->next->previous = request;
    worker->requests = request;
    counter_add(&worker->counters.requests_active, 1);
}

static void unlink_request(struct request *request)
{
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        request->worker->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    counter_add(&request->worker->counters.requests_active, (uint64_t)-1);
}

/* Called by the parser when it has the request line. */
void *request_new(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct worker *worker = cls;
    const struct iqm_config *config = worker->options->config;
    struct iqm_arena *arena = iqm_arena_new((size_t)config->request_memory);
    struct request *request = arena != NULL ? calloc(1, sizeof *request) : NULL;

    if (request == NULL) {
        iqm_arena_free(arena);
        return NULL;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->connection = info != NULL ? info->socket_context : NULL;
    if (request->connection != NULL) {
        request->connection->deadline = iqm_clock_ms() + (uint64_t)config->request_timeout * 1000;
        request->connection->request = request;
    }
    request->worker = worker;
    request->mhd = mhd;
    request->started_us = now_us();
    request->target = iqm_arena_string(arena, target);
    request->call.arena = arena;
    request->call.contract = worker->options->contract;
    request->call.services = worker->options->services;
    request->call.pg = worker->pg;
    request->call.vault = worker->vault;
    iqm_problem_init(&request->call.problem, arena);
    link_request(request);
    return request;
}

static bool is_request_id(struct iqm_slice text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    if (text.ptr == NULL || text.len < 1 || text.len > 64)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(allowed, text.ptr[i]) == NULL)
            return false;
    }
    return true;
}

static void name_request(struct request *request)
{
    struct iqm_slice given = request->fields.request_id;

    if (is_request_id(given))
        memcpy(request->request_id_text, given.ptr, given.len);
    else
        iqm_uuid7(request->request_id_text);
    request->call.request_id = request->request_id_text;
}

static int find_method(const char *name)
{
    static const char *const names[] = {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"};

    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    }
    return -1;
}

static int find_operation(struct request *request, const char *method_name)
{
    struct iqm_call *call = &request->call;
    int method = find_method(method_name);
    int error = iqm_contract_route(
        call->contract, request->path, call->arena, &request->route, call->path_values);

    if (error == IQM_EINVAL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_REQUEST,
            "The path is not valid percent-encoded UTF-8.");
    if (error != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_NOT_FOUND, "There is no such path.");
    if (method == IQM_METHOD_OPTIONS)
        return 0;
    request->is_head = method == IQM_METHOD_HEAD;
    if (request->is_head)
        method = IQM_METHOD_GET;
    if (method >= 0)
        call->operation = request->route->operations[method];
    if (call->operation == NULL) {
        reply_method_not_allowed(request);
        return IQM_EPROBLEM;
    }
    return 0;
}

static bool has_body(const struct request *request)
{
    struct iqm_slice length = request->fields.content_length;

    return request->fields.transfer_encoding.ptr != NULL ||
           (length.ptr != NULL && !iqm_slice_equal_string(length, "0"));
}

/* The declared length of the body; 0 when it comes in chunks. The parser has checked the digits. */
static uint64_t body_declared(const struct request *request)
{
    uint64_t value = 0;

    for (size_t i = 0; i < request->fields.content_length.len; i++) {
        char digit = request->fields.content_length.ptr[i];
        if (digit < '0' || digit > '9' || value > UINT64_MAX / 16)
            return UINT64_MAX;
        value = value * 10 + (uint64_t)(digit - '0');
    }
    return value;
}

static int check_body_headers(struct request *request)
{
    struct iqm_call *call = &request->call;
    const struct iqm_operation *operation = call->operation;

    if (operation->body == IQM_BODY_NONE)
        return body_declared(request) > EMPTY_BODY_MAX ? body_refuse(call) : 0;
    if (!has_body(request) && operation->body_required)
        return iqm_problem_set(
            &call->problem, IQM_PROBLEM_MALFORMED_BODY, "This operation needs a body.");
    if (request->fields.content_encoding.ptr != NULL ||
        (has_body(request) &&
            !fields_media_type_in(request->fields.content_type, operation->body_media_types)))
        return iqm_problem_set(&call->problem, IQM_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
            strchr(operation->body_media_types, ',') == NULL
                ? "Send the body as %s, without a content coding."
                : "Send the body as one of %s, without a content coding.",
            operation->body_media_types);
    if (body_declared(request) > body_limit(request))
        return iqm_problem_set(&call->problem, IQM_PROBLEM_CONTENT_TOO_LARGE,
            "The body is larger than the %llu bytes this operation accepts.",
            (unsigned long long)body_limit(request));
    return 0;
}

static int check_accept(struct request *request)
{
    const struct iqm_response *response = request->call.operation->responses;

    if (request->fields.accept.ptr == NULL)
        return 0;
    bool speaks = true;
    for (; response->status != 0; response++) {
        if (response->status >= 300 || response->media_type == NULL)
            continue;
        speaks = fields_accept(request->fields.accept, response->media_type);
        if (speaks)
            return 0;
    }
    if (speaks)
        return 0;
    return iqm_problem_set(&request->call.problem, IQM_PROBLEM_NOT_ACCEPTABLE, NULL);
}

/* Whether a balancer asks how we are: it must hear that however often it asks. */
static bool is_probe(const struct request *request)
{
    return iqm_slice_equal_string(request->path, "/healthz") ||
           iqm_slice_equal_string(request->path, "/readyz");
}

static int begin_head(struct request *request, const char *method)
{
    int fields_error = fields_gather(request);

    name_request(request);
    if (fields_error != 0)
        return fields_error;
    if (request->target == NULL)
        return IQM_ENOMEM;
    int error = target_split(request);
    if (error == 0)
        error = fields_leave_room(request);
    if (error == 0)
        error = find_operation(request, method);
    return error;
}

/* Everything that can be said before the body comes. Bad requests count as well as good ones. */
static int begin(struct request *request, const char *method)
{
    int error = begin_head(request, method);

    if (!is_probe(request) && throttle_admit(request) != 0)
        return IQM_EPROBLEM;
    if (error != 0 || request->call.operation == NULL)
        return error;
    error = target_parameters(request);
    if (error == 0)
        error = check_accept(request);
    if (error == 0)
        error = check_body_headers(request);
    if (error == 0 && request->fields.idempotency_key.ptr != NULL)
        error = idempotency_begin(request);
    return error;
}

/* Whether an error must be told before the body is read: it is long, or waits for a go-ahead. */
static bool must_refuse_now(const struct request *request)
{
    return has_body(request) &&
           (request->fields.expect.ptr != NULL || request->fields.transfer_encoding.ptr != NULL ||
               body_declared(request) > READ_AWAY_MAX);
}

/* A failing call of a secured operation is refused by who knows about callers; but one that is
 * refused for coming too often costs no statement. */
static void refuse(struct request *request)
{
    const struct iqm_operation *operation = request->call.operation;

    if (operation != NULL && !operation->is_public && request->worker->options->refuse != NULL &&
        request->call.problem.type != IQM_PROBLEM_RATE_LIMITED)
        request->worker->options->refuse(&request->call);
    else
        iqm_call_fail(&request->call);
}

static void dispatch(struct request *request)
{
    request->phase = PHASE_WAITING;
    body_drop_empty(request);
    if (request->call.idempotency != NULL && !request->failed)
        idempotency_end(request);
    if (!request->failed && request->call.operation == NULL)
        reply_options(request);
    else if (request->failed || (!request->receiving && body_parse(request) != 0))
        refuse(request);
    else if (request->receiving)
        request->call.received(&request->call);
    else
        request->call.operation->handler(&request->call);
}

/* Queues the answer if there is one by now; else the connection sleeps until there is. */
static enum MHD_Result answer_or_suspend(struct request *request)
{
    if (request->phase != PHASE_ANSWERED) {
        request->suspended = true;
        MHD_suspend_connection(request->mhd);
        return MHD_YES;
    }
    if (request->response == NULL)
        return MHD_NO;
    return MHD_queue_response(request->mhd, request->status, request->response);
}

void request_answer(struct request *request, struct MHD_Response *response, unsigned status)
{
    request->phase = PHASE_ANSWERED;
    request->response = response;
    request->status = status;
    if (!request->suspended)
        return;
    request->suspended = false;
    if (response != NULL && MHD_queue_response(request->mhd, status, response) != MHD_YES)
        iqm_log_event(IQM_LOG_ERROR, "answer_not_queued", "request_id", request->request_id_text);
    MHD_resume_connection(request->mhd);
    request->worker->woken = true;
}

/* Time is not saved up: who has stopped is cut off as soon as who never began. */
void request_keeps_pace(struct request *request, size_t len)
{
    struct connection *connection = request->connection;
    uint64_t patience = (uint64_t)request->worker->options->config->request_timeout * 1000;

    if (connection == NULL || connection->deadline == UINT64_MAX)
        return;
    uint64_t earned = connection->deadline + len / STREAM_BYTES_PER_MS;
    uint64_t most = iqm_clock_ms() + patience;
    if (earned > most)
        earned = connection->deadline > most ? connection->deadline : most;
    connection->deadline = earned;
}

void iqm_call_receive(struct iqm_call *call)
{
    struct request *request = request_of(call);

    request->receiving = true;
    request->phase = PHASE_READING;
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->mhd);
    request->worker->woken = true;
}

static enum MHD_Result handle_new(struct request *request, const char *method)
{
    bool streams;

    request->phase = PHASE_READING;
    request->failed = begin(request, method) != 0;
    streams = !request->failed && request->call.operation != NULL &&
              request->call.operation->body == IQM_BODY_STREAM;
    if (streams) {
        request->phase = PHASE_WAITING;
        request->call.operation->handler(&request->call);
        return request->receiving ? MHD_YES : answer_or_suspend(request);
    }
    if (request->failed && must_refuse_now(request)) {
        dispatch(request);
        return answer_or_suspend(request);
    }
    return MHD_YES;
}

static int take_stream(struct request *request, const char *bytes, size_t len)
{
    request->body_seen += len;
    request_keeps_pace(request, len);
    if (request->body_seen > body_limit(request))
        return iqm_problem_set(&request->call.problem, IQM_PROBLEM_CONTENT_TOO_LARGE,
            "The body is larger than the %llu bytes this operation accepts.",
            (unsigned long long)body_limit(request));
    if (request->call.idempotency != NULL)
        idempotency_take(request, bytes, len);
    return request->call.sink(&request->call, bytes, len);
}

/* A piece of the body. After an error the rest is read away within bounds: the parser takes an
 * answer only before the body or after all of it. */
static enum MHD_Result handle_piece(struct request *request, const char *bytes, size_t len)
{
    int error = 0;

    if (request->failed) {
        request->body_seen += len;
        return request->body_seen > CHUNKS_AWAY_MAX ? MHD_NO : MHD_YES;
    }
    if (request->receiving)
        error = take_stream(request, bytes, len);
    else
        error = body_append(request, bytes, len);
    if (error != 0) {
        request->failed = true;
        request->body_seen = 0;
    }
    return MHD_YES;
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size,
    void **con_cls)
{
    struct request *request = *con_cls;

    (void)cls;
    (void)url;
    if (request == NULL)
        return MHD_NO;
    request->stream.unframed = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    if (request->worker->closing && request->phase != PHASE_ANSWERED)
        return MHD_NO; /* too late: nobody would answer it */
    request->mhd = mhd;
    if (request->phase == PHASE_NEW)
        return handle_new(request, method);
    if (request->phase == PHASE_ANSWERED)
        return answer_or_suspend(request);
    if (*upload_size > 0) {
        enum MHD_Result result = handle_piece(request, upload, *upload_size);
        *upload_size = 0;
        return result;
    }
    if (request->phase != PHASE_READING)
        return MHD_YES;
    if (request->receiving && !request->receiving_done && has_body(request) &&
        request->body_seen == 0 && !request->failed) {
        /* Resumed after the go-ahead: the parser calls once more before the body comes. */
        request->receiving_done = true;
        return MHD_YES;
    }
    dispatch(request);
    return answer_or_suspend(request);
}

static bool is_hex(const char *text, size_t len, bool may_be_zero)
{
    return strspn(text, "0123456789abcdef") >= len && (may_be_zero || strspn(text, "0") < len);
}

/* W3C Trace Context, 3.2: what is not of that form is ignored, and so never logged. */
static const char *valid_traceparent(const struct request *request)
{
    struct iqm_slice given = request->fields.traceparent;
    const char *text =
        given.len == 55 ? iqm_arena_copy(request->call.arena, given.ptr, given.len) : NULL;

    if (text == NULL || memcmp(text, "00-", 3) != 0 || text[35] != '-' || text[52] != '-')
        return NULL;
    if (!is_hex(text + 3, 32, false) || !is_hex(text + 36, 16, false) ||
        !is_hex(text + 53, 2, true))
        return NULL;
    return text;
}

static void log_request(const struct request *request, uint64_t elapsed_us)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO, "request");
    iqm_log_string(&line, "request_id", request->request_id_text);
    iqm_log_string(&line, "traceparent", valid_traceparent(request));
    iqm_log_string(
        &line, "operation", request->call.operation != NULL ? request->call.operation->id : NULL);
    iqm_log_string(&line, "actor", request->call.actor);
    iqm_log_number(&line, "status", request->status);
    if (request->call.problem.type != NULL)
        iqm_log_string(&line, "problem", request->call.problem.type->name);
    iqm_log_number(&line, "bytes", (int64_t)request->answer_bytes);
    iqm_log_number(&line, "us", (int64_t)elapsed_us);
    iqm_log_end(&line);
}

static void request_free(struct request *request)
{
    if (request->call.release != NULL)
        request->call.release(&request->call);
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    json_decref(request->call.body);
    free(request->body_text);
    iqm_arena_free(request->call.arena);
    free(request);
}

void request_abandon(struct request *request)
{
    if (request == NULL)
        return;
    unlink_request(request);
    request_free(request);
}

/* Called by the parser when the request is over, well or badly. */
void request_completed(
    void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct request *request = *con_cls;
    struct worker *worker = cls;

    (void)mhd;
    (void)code;
    if (request == NULL)
        return;
    *con_cls = NULL;
    if (request->connection != NULL)
        request->connection->request = NULL;
    if (request->connection != NULL)
        request->connection->deadline =
            iqm_clock_ms() + (uint64_t)(worker->options->config->idle_timeout +
                                        worker->options->config->request_timeout) *
                                 1000;
    uint64_t elapsed = now_us() - request->started_us;
    metrics_note(worker, request, elapsed);
    log_request(request, elapsed);
    unlink_request(request);
    request_free(request);
}
