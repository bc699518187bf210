/* One delivery on its way: a POST by libcurl. Shared within this room. */
#ifndef IQM_WEBHOOKS_TRANSFER_H
#define IQM_WEBHOOKS_TRANSFER_H

#include "iqm/config.h"
#include "queue.h"

#include <curl/curl.h>

struct transfer {
    struct delivery delivery;
    const struct iqm_config *config; /* borrowed */
    CURL *easy;
    struct curl_slist *headers;
    uint64_t begun_ms;
    size_t head_bytes;
    bool is_refused;  /* it would have gone to an address that is not public */
    bool is_answered; /* the head is there: whatever else may come, it is over */
};

/* Signs and prepares it; then it is for a multi handle. Its private pointer is the transfer. NULL
 * when memory is out. Ended by transfer_free. */
struct transfer *transfer_new(const struct iqm_config *config, const struct delivery *delivery);

/* What became of it, once curl says that it is over or it is answered. */
struct report transfer_judge(const struct transfer *transfer, CURLcode code);

/* The easy handle must be out of the multi handle. Accepts NULL. */
void transfer_free(struct transfer *transfer);

#endif
