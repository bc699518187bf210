/* Endpoints that are gone, or where nothing succeeds any more. Shared within this room. */
#ifndef IQM_WEBHOOKS_PAUSING_H
#define IQM_WEBHOOKS_PAUSING_H

#include "iqm/seal.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* Whom keys are asked of, for the mails. Zeroed but for what the caller fills, which is borrowed.
 */
struct pausing {
    const struct iqm_config *config;
    const struct iqm_seal_secrets *secrets;
    const atomic_bool *stopping;
    PGconn *keys; /* NULL when not connected */
};

/* Pauses what is to be paused, each with a mail to who wrote the endpoint last. While keys are away
 * it waits for another time; nothing is sent there meanwhile. IQM_EPG, IQM_ENOMEM. */
int pausing_go(struct pausing *pausing, PGconn *connection);

void pausing_close(struct pausing *pausing);

#endif
