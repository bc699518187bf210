/*
 * One request as a handler sees it: routed, its parameters and body validated against the contract.
 * A handler answers it exactly once, by iqm_call_reply or iqm_call_fail, now or later in the same
 * thread; it never queues a response itself and never logs.
 */
#ifndef IQM_CALL_H
#define IQM_CALL_H

#include "iqm/address.h"
#include "iqm/arena.h"
#include "iqm/contract.h"
#include "iqm/problem.h"

#include <jansson.h>

struct iqm_export;
struct iqm_idempotency;
struct iqm_pg;
struct iqm_vault;

/* What every bearer token of this service looks like. */
#define IQM_TOKEN_PREFIX "iqm_"
#define IQM_TOKEN_TEXT 48 /* prefix, 43 characters of base64url, terminator */

/* Takes a streamed body piece by piece: 0 to go on, or negative after setting call->problem. */
typedef int iqm_sink_fn(struct iqm_call *call, const char *bytes, size_t len);

/* One of several changes that a request makes: what it comes to goes here, not to the client. */
struct iqm_part {
    struct iqm_call *whole; /* the request */
    unsigned status;
    struct iqm_slice body; /* of the call's arena, or what its `release` frees */
    const char *version;   /* NULL: none was told */
    void (*answered)(struct iqm_call *call);
};

struct iqm_call {
    struct iqm_part *part;   /* NULL: the call is a request */
    struct iqm_arena *arena; /* dies with the call */
    const struct iqm_contract *contract;
    const struct iqm_operation *operation;
    struct iqm_pg *pg;       /* the worker's; borrowed */
    struct iqm_vault *vault; /* the same; NULL where the server has none */
    void *services;          /* what the program gave the server; borrowed */
    const char *request_id;

    struct iqm_slice path_values[IQM_PATH_PARAMETERS_MAX];
    const struct iqm_slice *parameters; /* by index of operation->parameters; ptr NULL: absent */
    struct iqm_slice query;             /* raw, for links to further pages */
    struct iqm_slice authorization;     /* header value; ptr NULL when absent */
    struct iqm_slice if_match;
    struct iqm_slice if_none_match;
    struct iqm_slice content_type;
    struct iqm_slice origin, fetch_site,
        referer;            /* Origin, Sec-Fetch-Site, Referer; ptr NULL: absent */
    const char *user_agent; /* its first 200 bytes, other than printable ASCII as ?; or NULL */
    const char *address;    /* who calls, behind our own proxies (IQM_TRUSTED_PROXIES) */
    struct iqm_address address_key; /* what counts as one caller: an IPv4 address, an IPv6 /64 */
    json_t *body;                   /* owned by the call */
    struct {
        const struct iqm_member *member; /* of the body; NULL: it has none such */
        const struct iqm_slice *items;   /* as they were sent; they may be no JSON */
        size_t count;
        uint16_t schema; /* of one */
    } apart;             /* items of the body that stand apart (x-items-apart): 0 in `body` */
    struct iqm_idempotency *idempotency; /* NULL: the request has no Idempotency-Key */

    struct iqm_problem problem; /* a handler that fails fills this */

    /* Set by a handler of a streamed body when it lets the body come; see iqm_call_receive. */
    iqm_sink_fn *sink;
    void (*received)(struct iqm_call *call); /* the body is complete */
    void *state;                             /* the handler's own */
    void (*release)(struct iqm_call *call);  /* frees what `state` owns; NULL when nothing */

    struct iqm_export *export; /* the file that it is answered with; NULL: none (iqm/export.h) */

    /* Who calls, once identified; NULL before. Ids and, of roles, a PostgreSQL array as text. */
    const char *token;
    const char *actor;   /* the account, the client, or an operator's token */
    const char *roles;   /* those of the caller that may do this */
    const char *account; /* NULL: no person */
    const char *client;  /* NULL: no registered client */
    const char *session; /* NULL: not from a sign-in */
    bool denied;         /* known, but may not do this */

    /* The roles that may make this very request, where fewer than the operation's; see x-write. */
    const char *may;
    /* All scopes that this very request needs, where more than the operation's; `may` is set, too.
     */
    const char *scopes;
};

/* The value of a parameter by name; ptr NULL when it was not sent and has no default. */
struct iqm_slice iqm_call_parameter(const struct iqm_call *call, const char *name);

/* The token sent as Authorization, Bearer (RFC 6750, 2.1); ptr NULL when the header holds nothing
 * of that form. */
struct iqm_slice iqm_call_bearer(const struct iqm_call *call);

/* A hash of that token, for what a caller has a share of; 0: there is none. */
uint64_t iqm_call_token_hash(struct iqm_call *call);

/* Whether Accept asks for the one media type rather than for the other; of an operation that has
 * both. */
bool iqm_call_prefers(const struct iqm_call *call, const char *media_type, const char *other);

/* Reads text that was sent, as bodies are read: new, or IQM_EPROBLEM with call->problem set. */
int iqm_call_json(struct iqm_call *call, struct iqm_slice text, json_t **ret_value);

/* Adds a header to the answer. Both strings are borrowed until the call ends. */
void iqm_call_header(struct iqm_call *call, const char *name, const char *value);

/* The version of what is answered, for ETag; borrowed until the call ends. */
void iqm_call_etag(struct iqm_call *call, const char *version);

/* Answers. The bytes are borrowed until the call ends: arena memory, or a result that `release`
 * frees. `media_type` NULL: no body. */
void iqm_call_reply(
    struct iqm_call *call, unsigned status, const char *media_type, const char *bytes, size_t len);

/* A hash of the bytes as text, in the arena; NULL when memory is out. */
const char *iqm_hash_text(struct iqm_arena *arena, const char *bytes, size_t len);

/* Answers with bytes whose hash is their version: 304 to who holds them already, else 200. */
void iqm_call_reply_hashed(
    struct iqm_call *call, const char *media_type, const char *bytes, size_t len);

/* Answers 200 with bytes that are also there compressed with gzip; both are borrowed. */
void iqm_call_reply_packed(
    struct iqm_call *call, const char *media_type, struct iqm_slice plain, struct iqm_slice packed);

/* The length of an answer that is not known before its end. */
#define IQM_STREAM_UNKNOWN UINT64_MAX

/*
 * Answers with `length` bytes that come in pieces, uncompressed. `more` is called when the next one
 * is wanted, and again only when that has gone out: it gives it now or later by iqm_call_piece
 * (never empty, never beyond the length; borrowed until `more` is called again or the call ends),
 * or says by iqm_call_end that an answer of unknown length is whole. To HEAD, `more` is not called.
 * What passes between `more` and the piece is the server's own time: no deadline of the client's
 * runs. iqm_call_break: the rest cannot be had, the client sees the connection cut.
 */
void iqm_call_stream(struct iqm_call *call, unsigned status, const char *media_type,
    uint64_t length, void (*more)(struct iqm_call *call));
void iqm_call_piece(struct iqm_call *call, const char *bytes, size_t len);
void iqm_call_end(struct iqm_call *call);
void iqm_call_break(struct iqm_call *call);

/*
 * The same of 200 and a length that is not known, for pieces that come when something happens, for
 * hours: it costs little while nothing does. Each piece must be taken in the time of a request; who
 * takes nothing, or is gone, is cut off then.
 */
void iqm_call_live(
    struct iqm_call *call, const char *media_type, void (*more)(struct iqm_call *call));

/*
 * For the first `more` of such an answer: frees the call's arena and begins a new one. Of the call
 * stay what is the program's, `operation`, `request_id`, `authorization`, `state` and `release`;
 * who calls is for the handler to keep, and to set again. 0 or IQM_ENOMEM.
 */
int iqm_call_lighten(struct iqm_call *call);

/* Whether the connection is gone: nobody is there for whom long work would go on. One that is half
 * closed counts as gone, too: at once the two cannot be told apart. */
bool iqm_call_is_left(struct iqm_call *call);

/* Answers with call->problem, in the form in which the operation tells errors. */
void iqm_call_fail(struct iqm_call *call);

/* Answers with a problem that needs no more words. */
void iqm_call_fail_with(struct iqm_call *call, const struct iqm_problem_type *type);

/* Sends the caller elsewhere: 303 with Location, never stored. Borrowed until the call ends. */
void iqm_call_redirect(struct iqm_call *call, const char *location);

/* For a streamed body, after the handler has decided to take it: lets it come into call->sink. */
void iqm_call_receive(struct iqm_call *call);

/*
 * Runs `work` in a thread of the pool, for what would block the loop (files, password hashing),
 * then `done` in the call's own thread. `work` may touch call->state and nothing else of the call;
 * the call stays alive until `done` was called. 0, or IQM_ENOMEM and neither is called.
 */
int iqm_call_background(struct iqm_call *call, void (*work)(struct iqm_call *call),
    void (*done)(struct iqm_call *call));

/* A call that waits for a thread which is not the pool's. */
struct iqm_return;

/*
 * For work that the caller hands to threads of its own: keeps the call alive until that thread says
 * iqm_return_now, then runs `done` in the call's own thread. Called in that thread; NULL when
 * memory is out. Must be returned exactly once, also when the server stops: it waits for that.
 */
struct iqm_return *iqm_call_expect(struct iqm_call *call, void (*done)(struct iqm_call *call));

/* Hands the call back; from any thread, which must not touch the call or `back` afterwards. */
void iqm_return_now(struct iqm_return *back);

/* Whether an entity tag list (RFC 9110, 13.1) names this version: `*`, or the version as a strong
 * tag, with or without ".gz". `weak` also takes W/ tags, as If-None-Match does. */
bool iqm_etag_matches(struct iqm_slice list, const char *version, bool weak);

#endif
