/* One request inside the HTTP room: what the parser knows, and what is being answered. */
#ifndef IQM_HTTP_REQUEST_H
#define IQM_HTTP_REQUEST_H

#include "iqm/call.h"

#include <microhttpd.h>

#define ANSWER_HEADERS_MAX 8

struct worker;

/* The header fields the server acts on; ptr NULL when absent. Lists sent in pieces are joined. */
struct fields {
    struct iqm_slice host, accept, accept_encoding, content_type, content_length, content_encoding,
        transfer_encoding, expect, authorization, if_match, if_none_match, origin, traceparent,
        request_id, request_method;
};

enum phase { PHASE_NEW, PHASE_READING, PHASE_WAITING, PHASE_ANSWERED };

struct connection {
    struct connection *previous, *next;
    int socket;
    uint64_t deadline;
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
    uint64_t started_us;

    char *body_text;
    size_t body_length, body_room;
    uint64_t body_seen;

    /* The answer. */
    struct MHD_Response *response;
    unsigned status;
    size_t answer_bytes;
    const char *etag;
    struct {
        const char *name, *value;
    } headers[ANSWER_HEADERS_MAX];
    unsigned header_count;
};

static inline struct request *request_of(struct iqm_call *call)
{
    return (struct request *)call;
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
bool fields_accept(struct iqm_slice accept, const char *media_type);
bool fields_accept_gzip(struct iqm_slice accept_encoding);
bool fields_media_type_is(struct iqm_slice content_type, const char *media_type);

/* gzip.c: compressed copy in the arena, or NULL when it is not worth it. */
void gzip_close(void); /* frees what the thread keeps */
const char *gzip_compress(struct iqm_arena *arena, const char *bytes, size_t len, size_t *ret_len);

/* body.c: parses and validates the whole body. 0 or IQM_EPROBLEM. */
int body_append(struct request *request, const char *bytes, size_t len);
int body_parse(struct request *request);

/* cors.c */
bool cors_allows(const char *origins, struct iqm_slice origin);

/* reply.c */
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
/* The answer is built: queue it now, or wake the connection that waits for it. */
void request_answer(struct request *request, struct MHD_Response *response, unsigned status);

#endif
