/*
 * The thread that tells endpoints what has changed (migrations/0044_webhooks.sql). Any number of
 * instances may have one: one of them at a time turns the feed into deliveries, and each delivery
 * is leased to one of them.
 *
 * At least once: a delivery is marked only after the answer, so one whose process dies in that
 * moment is sent again, with the same webhook-id. Endpoints wait for each other neither for an
 * answer nor for a name to be looked up; each has a few deliveries on their way at a time.
 *
 * What it connects to is decided when it connects (IQM_WEBHOOK_PRIVATE_ADDRESSES): a name that
 * stands for something else by then helps nobody. Nothing of an answer is kept but its status.
 */
#ifndef IQM_WEBHOOKS_H
#define IQM_WEBHOOKS_H

#include "iqm/seal.h"

struct iqm_webhooks;

/* Starts the thread. NULL when it cannot start. What is passed is borrowed until iqm_webhooks_stop.
 * The thread takes no signals. To be called before other threads start. */
struct iqm_webhooks *iqm_webhooks_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets);

/* Lately, of all instances: how many deliveries waited for endpoints that are active, and how many
 * endpoints were paused because they were gone or nothing succeeded. From any thread; accept NULL.
 */
uint64_t iqm_webhooks_waiting(const struct iqm_webhooks *webhooks);
uint64_t iqm_webhooks_dead(const struct iqm_webhooks *webhooks);

/* Ends it and frees: what is under way has two seconds more. Accepts NULL. */
void iqm_webhooks_stop(struct iqm_webhooks *webhooks);

#endif
