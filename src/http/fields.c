/* Header fields: gathered once, duplicates that would be ambiguous refused, lists negotiated. */
#include "request.h"

#include "contract_tables.h"
#include "worker.h"

#include <string.h>
#include <strings.h>

/*
 * The parser builds the answer's head in what the request's head leaves of the connection's memory,
 * and closes without a word when that is too little: after the work was done. So nothing is begun
 * whose answer might not fit: its own fields, a next page's Link (the target and a cursor more),
 * and what the parser keeps for each field of the request.
 */
#define ANSWER_ROOM 2400
#define FIELD_ROOM 72
#define USER_AGENT_MAX 200

enum repeat { ONCE, LIST, FIRST };

/* Where a field goes. Sorted by nothing: there are few, and most requests carry fewer. */
#define FIELD(name, repeat, member)                                                                \
    {                                                                                              \
        name, sizeof(name) - 1, repeat, offsetof(struct fields, member)                            \
    }

static const struct known {
    const char *name;
    size_t length;
    enum repeat repeat;
    size_t offset;
} known_fields[] = {
    FIELD("Host", ONCE, host),
    FIELD("Accept", LIST, accept),
    FIELD("Accept-Encoding", LIST, accept_encoding),
    FIELD("Authorization", ONCE, authorization),
    FIELD("Content-Type", ONCE, content_type),
    FIELD("Content-Length", ONCE, content_length),
    FIELD("Content-Encoding", LIST, content_encoding),
    FIELD("Transfer-Encoding", ONCE, transfer_encoding),
    FIELD("Expect", ONCE, expect),
    FIELD("If-Match", LIST, if_match),
    FIELD("If-None-Match", LIST, if_none_match),
    FIELD("Origin", ONCE, origin),
    FIELD("Idempotency-Key", ONCE, idempotency_key),
    FIELD("Prefer", LIST, prefer),
    FIELD("traceparent", ONCE, traceparent),
    FIELD("X-Request-Id", ONCE, request_id),
    FIELD("Access-Control-Request-Method", ONCE, request_method),
    FIELD("User-Agent", FIRST, user_agent),
    FIELD("Sec-Fetch-Site", ONCE, fetch_site),
    FIELD("Referer", ONCE, referer),
    FIELD("X-Forwarded-For", LIST, forwarded_for),
    FIELD("Range", ONCE, range),
    FIELD("If-Range", ONCE, if_range),
    FIELD("Content-Disposition", ONCE, content_disposition),
    FIELD("Content-Digest", LIST, content_digest),
    FIELD("Repr-Digest", LIST, repr_digest),
    FIELD("Last-Event-ID", ONCE, last_event_id),
};

static struct iqm_slice *field_at(struct fields *fields, const struct known *known)
{
    return (struct iqm_slice *)(void *)((char *)fields + known->offset);
}

struct gathering {
    struct request *request;
    int64_t count;
    size_t bytes;
    const char *repeated;
};

static const struct known *find_known(const char *name, size_t len)
{
    for (size_t i = 0; i < IQM_LENGTH(known_fields); i++) {
        if (known_fields[i].length == len && strncasecmp(known_fields[i].name, name, len) == 0)
            return &known_fields[i];
    }
    return NULL;
}

struct iqm_slice fields_named(const struct request *request, const char *name)
{
    const struct known *known = find_known(name, strlen(name));
    struct fields fields = request->fields;

    return known != NULL ? *field_at(&fields, known) : (struct iqm_slice){NULL, 0};
}

static enum MHD_Result gather_one(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct gathering *gathering = cls;
    const struct known *known = find_known(name, name_len);

    (void)kind;
    gathering->count++;
    gathering->bytes += name_len + value_len + FIELD_ROOM;
    if (known == NULL)
        return MHD_YES;
    struct iqm_slice *field = field_at(&gathering->request->fields, known);
    if (field->ptr == NULL) {
        *field = (struct iqm_slice){value != NULL ? value : "", value_len};
    } else if (known->repeat == ONCE) {
        gathering->repeated = known->name;
    } else if (known->repeat == LIST) {
        char *joined = iqm_arena_printf(gathering->request->call.arena, "%.*s, %.*s",
            (int)field->len, field->ptr, (int)value_len, value);
        if (joined != NULL)
            *field = (struct iqm_slice){joined, strlen(joined)};
    }
    return MHD_YES;
}

static int check_expectation(struct request *request)
{
    struct iqm_slice expect = request->fields.expect;

    if (expect.ptr == NULL || (expect.len == strlen("100-continue") &&
                                  strncasecmp(expect.ptr, "100-continue", expect.len) == 0))
        return 0;
    return iqm_problem_set(&request->call.problem, IQM_PROBLEM_EXPECTATION_FAILED, NULL);
}

int fields_leave_room(struct request *request)
{
    size_t used = request->head_bytes + 2 * strlen(request->target) + ANSWER_ROOM;

    if (used <= (size_t)request->worker->options->config->connection_memory)
        return 0;
    return iqm_problem_set(&request->call.problem, IQM_PROBLEM_HEADER_FIELDS_TOO_LARGE, NULL);
}

const char *fields_printable(struct iqm_arena *arena, struct iqm_slice text)
{
    size_t length = text.len < USER_AGENT_MAX ? text.len : USER_AGENT_MAX;
    char *copy = text.ptr != NULL ? iqm_arena_copy(arena, text.ptr, length) : NULL;

    for (size_t i = 0; copy != NULL && i < length; i++) {
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    }
    return copy;
}

/* The peer is known by text already; only what a proxy of ours says needs more. */
static void find_caller(struct request *request)
{
    struct iqm_call *call = &request->call;
    const struct iqm_networks *trusted = &request->worker->options->config->trusted;
    const struct connection *connection = request->connection;
    struct iqm_address caller = connection != NULL ? connection->peer : iqm_address_of_socket(NULL);

    if (connection != NULL)
        call->address = connection->peer_text;
    if (connection == NULL || (trusted->count > 0 && request->fields.forwarded_for.len > 0)) {
        caller = iqm_address_of_caller(caller, request->fields.forwarded_for, trusted);
        iqm_address_text(&caller, request->address_text);
        call->address = request->address_text;
    }
    call->address_key = iqm_address_subscriber(&caller);
}

static void hand_on(struct request *request)
{
    struct iqm_call *call = &request->call;
    const struct fields *fields = &request->fields;

    call->authorization = fields->authorization;
    call->if_match = fields->if_match;
    call->if_none_match = fields->if_none_match;
    call->content_type = fields->content_type;
    call->origin = fields->origin;
    call->fetch_site = fields->fetch_site;
    call->referer = fields->referer;
    call->user_agent = fields_printable(call->arena, fields->user_agent);
    find_caller(request);
}

int fields_gather(struct request *request)
{
    struct gathering gathering = {.request = request};
    struct iqm_call *call = &request->call;
    struct fields *fields = &request->fields;

    MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, gather_one, &gathering);
    hand_on(request);
    request->head_bytes = gathering.bytes;
    if (gathering.count > request->worker->options->config->header_fields)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_HEADER_FIELDS_TOO_LARGE, NULL);
    request->framing_in_doubt =
        gathering.repeated != NULL ||
        (fields->content_length.ptr != NULL && fields->transfer_encoding.ptr != NULL);
    if (gathering.repeated != NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_REQUEST,
            "The header field %s is sent more than once.", gathering.repeated);
    if (request->framing_in_doubt)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_REQUEST,
            "Send either Content-Length or Transfer-Encoding, not both.");
    return check_expectation(request);
}

static struct iqm_slice trim(struct iqm_slice text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Cuts the part before `separator` off the front of `rest`. */
static struct iqm_slice next_part(struct iqm_slice *rest, char separator)
{
    const char *end = memchr(rest->ptr, separator, rest->len);
    size_t length = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    struct iqm_slice part = {rest->ptr, length};
    size_t step = end != NULL ? length + 1 : length;

    *rest = (struct iqm_slice){rest->ptr + step, rest->len - step};
    return trim(part);
}

/* The weight (RFC 9110, 12.4.2) among the parameters after a list element, in thousandths. */
static unsigned weight_of(struct iqm_slice parameters)
{
    while (parameters.len > 0) {
        struct iqm_slice part = next_part(&parameters, ';');
        unsigned weight = 0, unit = 1000;
        if (part.len < 3 || (part.ptr[0] != 'q' && part.ptr[0] != 'Q') || part.ptr[1] != '=')
            continue;
        for (size_t i = 2; i < part.len; i++) {
            if (part.ptr[i] == '.')
                continue;
            if (part.ptr[i] < '0' || part.ptr[i] > '9')
                return 1000;
            weight += (unsigned)(part.ptr[i] - '0') * unit;
            unit /= 10;
        }
        return weight < 1000 ? weight : 1000;
    }
    return 1000;
}

static bool is_refused(struct iqm_slice parameters)
{
    return weight_of(parameters) == 0;
}

static bool equal_ignoring_case(struct iqm_slice text, const char *other, size_t len)
{
    return text.len == len && strncasecmp(text.ptr, other, len) == 0;
}

/* How Accept stands to a media type: named how exactly, wanted how much. */
struct preference {
    int precision;
    unsigned weight;
};

/* How exactly a media range names a type: 0 not at all, 1 by star, 2 by its first half, 3 fully. */
static int range_precision(struct iqm_slice range, const char *media_type)
{
    const char *slash = strchr(media_type, '/');
    size_t major = slash != NULL ? (size_t)(slash - media_type) + 1 : 0;

    if (equal_ignoring_case(range, media_type, strlen(media_type)))
        return 3;
    if (range.len == major + 1 && range.ptr[major] == '*' &&
        strncasecmp(range.ptr, media_type, major) == 0)
        return 2;
    return equal_ignoring_case(range, "*/*", 3) ? 1 : 0;
}

/* What Accept says of a media type; everything is welcome where it says nothing. */
static struct preference preference_of(struct iqm_slice accept, const char *media_type)
{
    bool is_silent = accept.ptr == NULL || trim(accept).len == 0;
    struct preference best = {.weight = is_silent ? 1000 : 0};

    while (accept.len > 0) {
        struct iqm_slice parameters = next_part(&accept, ',');
        if (parameters.len == 0)
            continue;
        struct iqm_slice range = next_part(&parameters, ';');
        int precision = range_precision(range, media_type);
        if (precision > best.precision)
            best = (struct preference){precision, weight_of(parameters)};
    }
    return best;
}

bool fields_accept(struct iqm_slice accept, const char *media_type)
{
    return preference_of(accept, media_type).weight > 0;
}

bool iqm_call_prefers(const struct iqm_call *call, const char *media_type, const char *other)
{
    struct iqm_slice accept = request_of((struct iqm_call *)(uintptr_t)call)->fields.accept;
    struct preference wanted = preference_of(accept, media_type);
    struct preference rival = preference_of(accept, other);

    return wanted.weight > rival.weight ||
           (wanted.weight == rival.weight && wanted.precision > rival.precision);
}

bool fields_accept_gzip(struct iqm_slice accept_encoding)
{
    bool star = false;

    while (accept_encoding.len > 0) {
        struct iqm_slice parameters = next_part(&accept_encoding, ',');
        if (parameters.len == 0)
            continue;
        struct iqm_slice coding = next_part(&parameters, ';');
        if (equal_ignoring_case(coding, "gzip", 4) || equal_ignoring_case(coding, "x-gzip", 6))
            return !is_refused(parameters);
        if (equal_ignoring_case(coding, "*", 1))
            star = !is_refused(parameters);
    }
    return star;
}

static bool is_among(struct iqm_slice name, const char *media_types)
{
    struct iqm_slice rest = {media_types, strlen(media_types)};

    while (rest.len > 0) {
        struct iqm_slice one = next_part(&rest, ',');
        if (equal_ignoring_case(name, one.ptr, one.len))
            return true;
    }
    return false;
}

bool fields_media_type_in(struct iqm_slice content_type, const char *media_types)
{
    struct iqm_slice parameters = content_type;

    if (content_type.ptr == NULL)
        return false;
    struct iqm_slice name = next_part(&parameters, ';');
    if (!is_among(name, media_types))
        return false;
    bool is_utf8 = strstr(media_types, "json") != NULL || strstr(media_types, "x-www-form") != NULL;
    while (parameters.len > 0 && is_utf8) {
        struct iqm_slice part = next_part(&parameters, ';');
        if (part.len > 8 && strncasecmp(part.ptr, "charset=", 8) == 0 &&
            !equal_ignoring_case((struct iqm_slice){part.ptr + 8, part.len - 8}, "utf-8", 5) &&
            !equal_ignoring_case((struct iqm_slice){part.ptr + 8, part.len - 8}, "\"utf-8\"", 7))
            return false;
    }
    return true;
}
