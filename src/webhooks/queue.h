/* Deliveries as the sender sees them: statements over a connection that ends its patience with the
 * server. Shared within this room. */
#ifndef IQM_WEBHOOKS_QUEUE_H
#define IQM_WEBHOOKS_QUEUE_H

#include "iqm/base.h"
#include "iqm/ids.h"

#include <libpq-fe.h>
#include <stdatomic.h>

#define WEBHOOK_URL_TEXT 501

/* A delivery in hand. */
struct delivery {
    char id[IQM_UUID_TEXT], endpoint_id[IQM_UUID_TEXT];
    int64_t turn;
    int64_t generation; /* of the secret */
    bool has_former;    /* the one before is used, too */
    char url[WEBHOOK_URL_TEXT];
    char event[512]; /* what is sent: ids, and names of ours */
};

/* As settle_webhook in migrations/0044_webhooks.sql knows them. */
enum outcome { DELIVERED, FAILED, GONE, INTERRUPTED };

struct report {
    enum outcome outcome;
    const char *failure; /* a word of ours, static; NULL when delivered */
    int64_t status;      /* of the answer; 0 where there was none */
    int64_t took_ms;
    int64_t retry_after_s; /* as the endpoint asks; 0: it does not */
};

/* An endpoint that is to be paused. */
struct pause {
    char endpoint_id[IQM_UUID_TEXT], person_id[IQM_UUID_TEXT]; /* "": nobody is to be told */
    char reason[16];
};

/* Turns what is new into deliveries, some at a time: there may be more. IQM_EPG. */
int queue_dispatch(PGconn *connection, const atomic_bool *stopping, bool *ret_more);

/* At most so many deliveries, for so many seconds; how many it were, or IQM_EPG. With those that
 * are in hand, an endpoint has `each` at most. */
int queue_take(PGconn *connection, int64_t lease_s, int most, int each, const atomic_bool *stopping,
    struct delivery *ret_deliveries);

/* Enters what became of one. IQM_ENOTFOUND: it was out of our hands already; IQM_EPG. */
int queue_settle(PGconn *connection, const struct delivery *delivery, const struct report *report,
    const atomic_bool *stopping);

/* The next endpoint to pause. IQM_ENOTFOUND: there is none; IQM_EPG. */
int queue_next_pause(PGconn *connection, const atomic_bool *stopping, struct pause *ret_pause);

/* Pauses it; `body` of the mail about it, sealed, NULL where nobody is told. IQM_EPG. */
int queue_pause(
    PGconn *connection, const struct pause *pause, const char *body, const atomic_bool *stopping);

/* Clears up, and tells how much waits and how many endpoints are dead. IQM_EPG. */
int queue_tend(
    PGconn *connection, const atomic_bool *stopping, uint64_t *ret_waiting, uint64_t *ret_dead);

#endif
