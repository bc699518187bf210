/*
 * Requests that may be sent again: a POST with an Idempotency-Key
 * (draft-ietf-httpapi-idempotency-key-header) is done once, and answered as the first time for a
 * day. Of a call without a key, call->idempotency is NULL and nothing here costs anything.
 *
 *   key and fingerprint are hashed as the request comes     src/http/idempotency.c
 *   the key is claimed by the statement that identifies     src/auth/identify.c
 *   the answer is kept in the change's own transaction      src/auth/idempotency.c
 *   a call that fails looks for an answer first             src/resource/recall.c
 */
#ifndef IQM_IDEMPOTENCY_H
#define IQM_IDEMPOTENCY_H

#include "iqm/call.h"
#include "iqm/pg.h"

#define IQM_IDEMPOTENCY_HASH 32
/* Characters of a key, at most. */
#define IQM_IDEMPOTENCY_KEY_MAX 128

/* An answer as it is kept. NULL: none. The document is named where there is one; `body` is for
 * answers that are no document. With neither, what was answered is shown once and not kept. */
struct iqm_answer {
    unsigned status;
    const char *location, *etag;
    const char *resource, *id, *version; /* the document */
    const char *person;                  /* whom that is about */
    const char *body;
};

#define IQM_ANSWER_VALUES 11

struct iqm_idempotency {
    const char *operation; /* whose keys these are; NULL: of the call's own */
    uint8_t key[IQM_IDEMPOTENCY_HASH];
    uint8_t fingerprint[IQM_IDEMPOTENCY_HASH]; /* of method, target and body */
    bool ready;                                /* the body is known, and with it the fingerprint */
    bool recalled;                             /* it was looked for an answer */
    unsigned answered;                         /* the status of the one found; 0: none */
    bool located;                              /* that one has a Location */
    char status[12];
    struct iqm_pg_value values[IQM_ANSWER_VALUES];
};

/* A value to bind: one of the two hashes, or NULL where the call has no key. */
struct iqm_pg_value iqm_idempotency_key(const struct iqm_call *call);
struct iqm_pg_value iqm_idempotency_fingerprint(const struct iqm_call *call);
const char *iqm_idempotency_operation(const struct iqm_call *call);

/* Adds, where the call has a key, what keeps its answer: to the transaction of the change and
 * before its end. One answer a call. */
void iqm_idempotency_keep(
    struct iqm_call *call, struct iqm_pg_batch *batch, const struct iqm_answer *answer);

/* Adds to a batch of reads that comes before the change, where the call has a key, that it fails
 * when there is an answer already. */
void iqm_idempotency_check(struct iqm_call *call, struct iqm_pg_batch *batch);

/* Whether a batch failed because the key is in use or was used: IQM_EPROBLEM, with the problem set;
 * else 0. */
int iqm_idempotency_refusal(struct iqm_call *call, const struct iqm_pg_batch *batch);

#endif
