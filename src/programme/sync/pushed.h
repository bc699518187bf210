/* One change that was made offline: from its text to the operation that it is. */
#ifndef IQM_PROGRAMME_SYNC_PUSHED_H
#define IQM_PROGRAMME_SYNC_PUSHED_H

#include "iqm/idempotency.h"

struct pushed {
    struct iqm_call call; /* first: what is answered is one of these */
    struct iqm_part part;
    struct iqm_idempotency once;
    const char *client_id;
    struct iqm_slice text; /* as it was sent; borrowed from the request */
    json_t *asked;         /* NULL: not read, or no JSON */
    char if_match[24];
    void *user; /* the request's own */
};

/* The client_id of a change, whatever else is wrong with it, in the arena; NULL: it has none. */
const char *pushed_client_id(struct iqm_arena *arena, struct iqm_slice text);

/* Makes the call and begins it, in the name of the request's caller; `answered` is told, now or
 * later. 0, or IQM_ENOMEM and nothing is. */
int pushed_begin(
    struct pushed *item, struct iqm_call *whole, void (*answered)(struct iqm_call *call));

/* Whether it is known which operation it is: then it has a type, a method and an id. */
bool pushed_is_aimed(const struct pushed *item);

/* Of such: the operation that reads a record of its kind; NULL: none. */
const struct iqm_operation *pushed_reading(const struct pushed *item);

const char *pushed_text(const struct pushed *item, const char *member);
int64_t pushed_base_version(const struct pushed *item);

/* Whether it is for this, "create" or "delete". */
bool pushed_is(const struct pushed *item, const char *method);

/* Frees what it holds; also of one that was never begun, and twice. */
void pushed_let_go(struct pushed *item);

#endif
