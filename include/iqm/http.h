/*
 * The HTTP server: worker threads that share nothing, each with its own listening socket, event
 * loop and database sessions. Knows the contract and its handlers, no resource.
 */
#ifndef IQM_HTTP_H
#define IQM_HTTP_H

#include "iqm/call.h"
#include "iqm/config.h"
#include "iqm/contract.h"
#include "iqm/seal.h"

#define IQM_PULSE_MS 50

struct iqm_server_options {
    const struct iqm_config *config;
    const struct iqm_contract *contract;
    void *services;                         /* handed to every call */
    const struct iqm_seal_secrets *secrets; /* of the workers' vaults; NULL: they have none */
    /* Answers a call that is already known to fail (call->problem says how); may prefer to tell
     * first that the caller is not known. */
    void (*refuse)(struct iqm_call *call);
    /* Answers a call with an Idempotency-Key that fails, by looking first whether it was done
     * before; then fails it again. NULL: nothing is kept. */
    void (*recall)(struct iqm_call *call);
    /* Runs in each worker thread about once a second, for upkeep. */
    void (*upkeep)(struct iqm_pg *pg, void *services);
    /* The same when a worker has answered its last request, again and again until it says true or
     * the time to drain is over: whether there is nothing left to write. Then once more, as the
     * last, when `pg` is closed. NULL: there never is anything. */
    bool (*leave)(struct iqm_pg *pg, void *services, bool is_last);
    /* Origins whose pages may call beside the configured ones, separated by commas; asked in a
     * worker thread for each request that names one, and read at once. NULL: there are none. */
    const char *(*origins)(void *services);
    /* Called in worker threads, perhaps several times, when the time to drain is over while calls
     * are still expected back from threads of the program's own: to be quick about it. May be NULL.
     */
    void (*give_up)(void *services);
    /* How many mails wait, for the metrics; from any thread. NULL: there is no mail. */
    uint64_t (*mail_waiting)(const void *services);
    /* How much was deleted and erased by rule, likewise. */
    uint64_t (*retention_rows)(const void *services);
    uint64_t (*retention_people)(const void *services);
    /* For how many seconds a change has waited to be told to programs that work offline. */
    double (*sync_lag)(void);
    /* How many deliveries of webhooks wait, and how many endpoints are dead, for the metrics. */
    uint64_t (*webhooks_waiting)(const void *services);
    uint64_t (*webhooks_dead)(const void *services);
    /* Runs in each worker thread every IQM_PULSE_MS, for what lasts longer than a request; also
     * while the server stops. NULL: nothing does. */
    void (*pulse)(struct iqm_pg *pg, void *services);
    /* How many listen to events, and how many events they were sent, for the metrics; from any
     * thread. NULL: nobody can. */
    uint64_t (*listeners)(void);
    uint64_t (*events_sent)(void);
};

/* Serves until SIGTERM or SIGINT, then drains. 0, or negative after logging why it cannot serve. */
int iqm_server_run(const struct iqm_server_options *options);

/* Where this server is reached, without a slash at the end: IQM_PUBLIC_URL, or what it listens on.
 * Valid while it serves. */
const char *iqm_server_url(void);

/* Settles it, from IQM_PUBLIC_URL or where the server listens: before workers run, or in a command
 * that signs in the server's name. */
void iqm_server_settle_url(const struct iqm_config *config, int port);

/* Whether the server is stopping: it answers what it has and is no longer ready for more. */
bool iqm_server_is_draining(void);

#endif
