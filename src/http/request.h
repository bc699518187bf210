/* One request inside the HTTP room: what the parser knows, and what is being answered. */
#ifndef IQM_HTTP_REQUEST_H
#define IQM_HTTP_REQUEST_H

#include "iqm/call.h"
#include "iqm/idempotency.h"
#include "iqm/limits.h"

#include <microhttpd.h>

#define ANSWER_HEADERS_MAX 16

struct worker;

/* The header fields the server acts on; ptr NULL when absent. Lists sent in pieces are joined. */
struct fields {
    struct iqm_slice host, accept, accept_encoding, content_type, content_length, content_encoding,
        transfer_encoding, expect, authorization, if_match, if_none_match, origin, traceparent,
        request_id, request_method, user_agent, fetch_site, referer, forwarded_for, range, if_range,
        content_disposition, content_digest, repr_digest, idempotency_key, prefer, last_event_id;
};

enum phase { PHASE_NEW, PHASE_READING, PHASE_WAITING, PHASE_ANSWERED };

struct connection {
    struct connection *previous, *next;
    int socket;
    uint64_t deadline;
    struct iqm_address peer;
    char peer_text[IQM_ADDRESS_TEXT];
    struct request *request; /* under way; NULL between two */
};

struct request {
    struct iqm_call call; /* first: a call is a request */
    struct worker *worker;
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct request *previous, *next; /* all of the worker */
    enum phase phase;
    bool suspended;
    bool failed; /* the problem is known; the body is read away */
    bool is_head;
    bool receiving; /* a streamed body is wanted */
    bool receiving_done;
    bool framing_in_doubt; /* what follows on the connection may not be a request */
    char *target;
    struct iqm_slice path;
    const struct iqm_route *route;
    struct fields fields;
    size_t head_bytes; /* of the header fields, as the parser keeps them */
    char request_id_text[65];
    char address_text[IQM_ADDRESS_TEXT];
    uint64_t token_hash;          /* as the limits know the token; 0: none */
    struct iqm_limit_state limit; /* the tightest met */
    uint64_t started_us;

    char *body_text;
    size_t body_length, body_room;
    uint64_t body_seen;
    void *fingerprint; /* the hash under way; NULL: the request has no Idempotency-Key */

    /* The answer. */
    struct MHD_Response *response;
    unsigned status;
    size_t answer_bytes;
    const char *etag;
    struct {
        const char *name, *value;
    } headers[ANSWER_HEADERS_MAX];
    unsigned header_count;
    struct {
        void (*more)(struct iqm_call *call);
        const char *piece; /* what is left of it */
        size_t length;
        bool asked, asleep, broken, ended;
        bool live;      /* pieces come when something happens */
        bool unframed;  /* nothing but the connection's end is the answer's: HTTP/1.0 */
        uint64_t since; /* when the server's own time began */
    } stream;           /* of an answer that comes in pieces */
};

/* stream.c: where a client would take the part of the answer that it has for the whole, ends the
 * connection by a reset, by which it knows that something is missing. False elsewhere. */
bool stream_reset(const struct request *request);

static inline struct request *request_of(struct iqm_call *call)
{
    return (struct request *)(call->part != NULL ? call->part->whole : call);
}

/* target.c: splits and checks the raw request target. 0 or IQM_EPROBLEM (problem set). */
int target_split(struct request *request);
/* Decodes the query into call->parameters and validates every parameter of the operation. */
int target_parameters(struct request *request);

/* fields.c */
int fields_gather(struct request *request);
/* 0, or IQM_EPROBLEM when the head leaves too little of the connection's memory for the answer's.
 */
int fields_leave_room(struct request *request);
/* What a client says of itself, for people to read: short, printable ASCII. NULL when absent. */
const char *fields_printable(struct iqm_arena *arena, struct iqm_slice text);
bool fields_accept(struct iqm_slice accept, const char *media_type);
bool fields_accept_gzip(struct iqm_slice accept_encoding);
/* Whether the Content-Type is one of these, which are separated by ", ". */
bool fields_media_type_in(struct iqm_slice content_type, const char *media_types);
/* The field of a header parameter; ptr NULL: absent, or none that the server reads. */
struct iqm_slice fields_named(const struct request *request, const char *name);

/* gzip.c: compressed copy in the arena, or NULL when it is not worth it. */
void gzip_close(void); /* frees what the thread keeps */
const char *gzip_compress(struct iqm_arena *arena, const char *bytes, size_t len, size_t *ret_len);

/* What is read of a body where none is taken: room for an empty object. */
#define EMPTY_BODY_MAX 64

/* body.c: how many bytes the operation takes. */
uint64_t body_limit(const struct request *request);
int body_refuse(struct iqm_call *call); /* of an operation that takes none */
int body_append(struct request *request, const char *bytes, size_t len);
/* Forgets an empty object where no body is taken: it counts as none. */
void body_drop_empty(struct request *request);
/* Parses and validates the whole body. 0 or IQM_EPROBLEM. */
int body_parse(struct request *request);

/* apart.c: takes the items that stand apart out of a body's text, and notes them in the call. 0 or
 * IQM_EPROBLEM. */
int apart_take(struct iqm_call *call, struct iqm_slice *text);

/* Whether all that the parsed body has of them was taken out. 0 or IQM_EPROBLEM. */
int apart_check(struct iqm_call *call);

/* form.c: the next pair, still encoded, off the front of `rest`; false at the end. */
bool form_next(struct iqm_slice *rest, struct iqm_slice *ret_name, struct iqm_slice *ret_value);
/* As HTML forms encode it: "+" is a space, then percent-decoding; errors as of the latter. */
int form_decode(struct iqm_arena *arena, struct iqm_slice raw, struct iqm_slice *ret_text);
/* A decoded name as far as an answer repeats it. */
const char *form_shown(struct iqm_arena *arena, struct iqm_slice name);
/* A whole form into call->body. 0, IQM_EPROBLEM (problem set) or IQM_ENOMEM. */
int form_parse(struct iqm_call *call, struct iqm_slice text);

/* idempotency.c: the key out of its field; IQM_EINVAL where it is none. */
int idempotency_key_read(
    struct iqm_slice field, char ret_key[static IQM_IDEMPOTENCY_KEY_MAX + 1], size_t *ret_length);
/* Takes up the key where the operation takes one: 0, or IQM_EPROBLEM. Then pieces of a streamed
 * body; at its end the gathered one. */
int idempotency_begin(struct request *request);
void idempotency_take(struct request *request, const char *bytes, size_t len);
void idempotency_end(struct request *request);

/* prefer.c: whether Prefer asks for return=minimal. */
bool prefer_minimal(struct iqm_slice field);

/* failure.c: a problem in one sentence, and as OAuth tells it (RFC 6749, 5.2). */
const char *failure_sentence(const struct iqm_problem *problem);
const char *failure_oauth_text(const struct iqm_problem *problem);

/* cors.c: whether an origin stands in a list; whether any may ever stand in ours, and this one
 * does; whether what the path answers is open to all.
 */
bool cors_allows(const char *origins, struct iqm_slice origin);
bool cors_is_used(const struct request *request);
bool cors_admits(const struct request *request);
bool cors_is_open(const struct request *request);

/* throttle.c: takes the request out of its caller's buckets; 0, or IQM_EPROBLEM (429). */
int throttle_admit(struct request *request);
/* Adds RateLimit and RateLimit-Policy. */
void throttle_tell(const struct request *request, struct MHD_Response *response);

/* reply.c: adds the headers every answer has, and hands it on. NULL: there is no answer. */
void reply_with(struct request *request, struct MHD_Response *response, unsigned status,
    const char *media_type, bool compressed);
void reply_options(struct request *request);
/* Sets the problem and the Allow header. */
void reply_method_not_allowed(struct request *request);

/* request.c */
enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size,
    void **con_cls);
void *request_new(void *cls, const char *target, struct MHD_Connection *mhd);
void request_completed(
    void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code);
/* Ends a request that the parser has given up without saying so. Accepts NULL. */
void request_abandon(struct request *request);
/* A body that is streamed, either way, may take longer than a request if it keeps a pace. */
#define STREAM_BYTES_PER_MS 16
void request_keeps_pace(struct request *request, size_t len);
/* The answer is built: queue it now, or wake the connection that waits for it. */
void request_answer(struct request *request, struct MHD_Response *response, unsigned status);

#endif
