/*
 * One request as a handler sees it: routed, its parameters and body validated against the contract.
 * A handler answers it exactly once, by iqm_call_reply or iqm_call_fail, now or later in the same
 * thread; it never queues a response itself and never logs.
 */
#ifndef IQM_CALL_H
#define IQM_CALL_H

#include "iqm/arena.h"
#include "iqm/contract.h"
#include "iqm/problem.h"

#include <jansson.h>

struct iqm_pg;

/* Takes a streamed body piece by piece: 0 to go on, or negative after setting call->problem. */
typedef int iqm_sink_fn(struct iqm_call *call, const char *bytes, size_t len);

struct iqm_call {
    struct iqm_arena *arena; /* dies with the call */
    const struct iqm_contract *contract;
    const struct iqm_operation *operation;
    struct iqm_pg *pg; /* the worker's; borrowed */
    void *services;    /* what the program gave the server; borrowed */
    const char *request_id;

    struct iqm_slice path_values[IQM_PATH_PARAMETERS_MAX];
    const struct iqm_slice *parameters; /* by index of operation->parameters; ptr NULL: absent */
    struct iqm_slice query;             /* raw, for links to further pages */
    struct iqm_slice authorization;     /* header value; ptr NULL when absent */
    struct iqm_slice if_match;
    struct iqm_slice if_none_match;
    json_t *body; /* owned by the call */

    struct iqm_problem problem; /* a handler that fails fills this */

    /* Set by a handler of a streamed body when it lets the body come; see iqm_call_receive. */
    iqm_sink_fn *sink;
    void (*received)(struct iqm_call *call); /* the body is complete */
    void *state;                             /* the handler's own */
    void (*release)(struct iqm_call *call);  /* frees what `state` owns; NULL when nothing */

    const char *actor; /* who calls, once identified; NULL before */
};

/* The value of a parameter by name; ptr NULL when it was not sent and has no default. */
struct iqm_slice iqm_call_parameter(const struct iqm_call *call, const char *name);

/* Adds a header to the answer. Both strings are borrowed until the call ends. */
void iqm_call_header(struct iqm_call *call, const char *name, const char *value);

/* The version of what is answered, for ETag; borrowed until the call ends. */
void iqm_call_etag(struct iqm_call *call, const char *version);

/* Answers. The bytes are borrowed until the call ends: arena memory, or a result that `release`
 * frees. `media_type` NULL: no body. */
void iqm_call_reply(
    struct iqm_call *call, unsigned status, const char *media_type, const char *bytes, size_t len);

/* Answers with call->problem. */
void iqm_call_fail(struct iqm_call *call);

/* Answers with a problem that needs no more words. */
void iqm_call_fail_with(struct iqm_call *call, const struct iqm_problem_type *type);

/* For a streamed body, after the handler has decided to take it: lets it come into call->sink. */
void iqm_call_receive(struct iqm_call *call);

/*
 * Runs `work` in a thread of the pool, for what would block the loop (files, password hashing),
 * then `done` in the call's own thread. `work` may touch call->state and nothing else of the call;
 * the call stays alive until `done` was called. 0, or IQM_ENOMEM and neither is called.
 */
int iqm_call_background(struct iqm_call *call, void (*work)(struct iqm_call *call),
    void (*done)(struct iqm_call *call));

/* Whether an entity tag list (RFC 9110, 13.1) names this version: `*`, or the version as a strong
 * tag, with or without ".gz". `weak` also takes W/ tags, as If-None-Match does. */
bool iqm_etag_matches(struct iqm_slice list, const char *version, bool weak);

#endif
