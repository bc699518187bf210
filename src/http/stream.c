/*
 * An answer in pieces: the parser asks for bytes, and the connection sleeps while the handler
 * fetches the next ones. So no more than one piece is held, however slowly the client reads.
 */
#include "request.h"

#include "iqm/ids.h"
#include "worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES (32 * 1024)
/* Of an answer that lasts. What the system keeps for a client that does not read, it keeps for
 * each. */
#define LIVE_BLOCK_BYTES 64
#define LIVE_SEND_BYTES (16 * 1024)

static ssize_t hand_out(struct request *request, char *room, size_t max)
{
    size_t len = request->stream.length < max ? request->stream.length : max;

    memcpy(room, request->stream.piece, len);
    request->stream.piece += len;
    request->stream.length -= len;
    request->answer_bytes += len;
    request_keeps_pace(request, len);
    return (ssize_t)len;
}

/* Linux: what has no peer any more tells it so (tcp(7), connect(2)). */
bool stream_reset(const struct request *request)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};

    if (!request->stream.unframed || request->stream.more == NULL || request->connection == NULL)
        return false;
    if (connect(request->connection->socket, &none, sizeof none) != 0)
        shutdown(request->connection->socket, SHUT_RDWR);
    return true;
}

/* Called by the parser when the socket takes more; never beyond a length that it was told. */
static ssize_t read_piece(void *cls, uint64_t position, char *room, size_t max)
{
    struct request *request = cls;

    (void)position;
    if (request->worker->closing && !request->stream.ended && request->stream.length == 0)
        request->stream.broken = true;
    if (request->stream.length == 0 && !request->stream.broken && !request->stream.ended &&
        !request->stream.asked) {
        request->stream.asked = true;
        request->stream.since = iqm_clock_ms();
        request->stream.more(&request->call);
    }
    if (request->stream.length > 0)
        return hand_out(request, room, max);
    if (request->stream.broken) {
        stream_reset(request);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (request->stream.ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    request->stream.asleep = true;
    MHD_suspend_connection(request->mhd);
    return 0;
}

/* An answer that lasts is none that takes long: each of its pieces has the time of a request. */
static void extend_deadline(struct request *request)
{
    struct connection *connection = request->connection;
    const struct iqm_config *config = request->worker->options->config;

    if (!request->stream.asked || connection == NULL || connection->deadline == UINT64_MAX)
        return;
    if (request->stream.live)
        connection->deadline = iqm_clock_ms() + (uint64_t)config->request_timeout * 1000;
    else
        connection->deadline += iqm_clock_ms() - request->stream.since;
}

static void wake(struct request *request)
{
    extend_deadline(request);
    request->stream.asked = false;
    if (!request->stream.asleep)
        return;
    request->stream.asleep = false;
    MHD_resume_connection(request->mhd);
    request->worker->woken = true;
}

void iqm_call_stream(struct iqm_call *call, unsigned status, const char *media_type,
    uint64_t length, void (*more)(struct iqm_call *call))
{
    struct request *request = request_of(call);
    uint64_t size = length != IQM_STREAM_UNKNOWN ? length : MHD_SIZE_UNKNOWN;

    request->stream.more = more;
    reply_with(request,
        MHD_create_response_from_callback(size, BLOCK_BYTES, read_piece, request, NULL), status,
        media_type, false);
}

/* A peer that is gone without a word is noticed by what it does not acknowledge (tcp(7)). */
static void settle_socket(const struct request *request)
{
    const struct iqm_config *config = request->worker->options->config;
    unsigned patience = (unsigned)config->request_timeout * 1000;
    int room = LIVE_SEND_BYTES;

    if (request->connection == NULL)
        return;
    setsockopt(request->connection->socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(
        request->connection->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

void iqm_call_live(
    struct iqm_call *call, const char *media_type, void (*more)(struct iqm_call *call))
{
    struct request *request = request_of(call);

    request->stream.more = more;
    request->stream.live = true;
    settle_socket(request);
    reply_with(request,
        MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, LIVE_BLOCK_BYTES, read_piece, request, NULL),
        MHD_HTTP_OK, media_type, false);
}

static enum MHD_Result find_one(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const char **found = cls;

    (void)kind;
    found[0] = name;
    found[1] = value;
    return MHD_NO;
}

/* The head has gone out: of its fields nobody reads any more. */
static void forget_head(struct request *request)
{
    const char *found[2];

    while (MHD_get_response_headers(request->response, find_one, found) > 0 &&
           MHD_del_response_header(request->response, found[0], found[1]) == MHD_YES)
        ;
}

int iqm_call_lighten(struct iqm_call *call)
{
    struct request *request = request_of(call);
    const struct iqm_config *config = request->worker->options->config;
    struct iqm_arena *arena = iqm_arena_new((size_t)config->request_memory);

    if (arena == NULL)
        return IQM_ENOMEM;
    forget_head(request);
    iqm_arena_free(call->arena);
    request->target = NULL;
    request->path = (struct iqm_slice){NULL, 0};
    request->fields = (struct fields){.traceparent = request->fields.traceparent};
    request->etag = NULL;
    request->header_count = 0;
    *call = (struct iqm_call){.arena = arena,
        .contract = call->contract,
        .operation = call->operation,
        .pg = call->pg,
        .vault = call->vault,
        .services = call->services,
        .request_id = call->request_id,
        .authorization = call->authorization,
        .state = call->state,
        .release = call->release};
    iqm_problem_init(&call->problem, arena);
    return 0;
}

void iqm_call_piece(struct iqm_call *call, const char *bytes, size_t len)
{
    struct request *request = request_of(call);

    request->stream.piece = bytes;
    request->stream.length = len;
    wake(request);
}

void iqm_call_end(struct iqm_call *call)
{
    struct request *request = request_of(call);

    request->stream.ended = true;
    wake(request);
}

void iqm_call_break(struct iqm_call *call)
{
    struct request *request = request_of(call);

    request->stream.broken = true;
    wake(request);
}

bool iqm_call_is_left(struct iqm_call *call)
{
    const struct connection *connection = request_of(call)->connection;
    struct pollfd socket = {
        .fd = connection != NULL ? connection->socket : -1, .events = POLLRDHUP};

    return connection != NULL && poll(&socket, 1, 0) > 0;
}
