/*
 * The thread that sends webhooks: all transfers on one multi handle, so that none waits for
 * another. Must not give up on a database that is away, nor hold up the end of the server, nor say
 * in the log where anything goes: addresses may hold secrets.
 */
#include "iqm/webhooks.h"

#include "iqm/ask.h"
#include "iqm/log.h"
#include "iqm/thread.h"
#include "iqm/webhook.h"
#include "pausing.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

#define NAME "iqmd webhooks"
#define SHARED_MAX 128    /* transfers, of any endpoints */
#define EACH_MAX 4        /* of those, of one endpoint */
#define ENDPOINTS_MAX 200 /* as migrations/0053_webhook_limit.sql has it */
#define TRANSFERS_MAX (SHARED_MAX + ENDPOINTS_MAX)
#define LOOK_EVERY_MS 500
#define TEND_EVERY_MS 10000
#define BACK_OFF_DOUBLINGS 6 /* to about a minute */
#define LEASE_BEYOND_S 60    /* the time a transfer may take: for the database */
#define GOODBYE_MS 2000

struct iqm_webhooks {
    const struct iqm_config *config;
    struct iqm_thread thread;
    atomic_bool stopping;
    atomic_uint_fast64_t waiting, dead;
    struct pausing pausing; /* of the thread, as all below */
    PGconn *connection;     /* NULL when not connected */
    CURLM *multi;
    struct transfer *transfers[TRANSFERS_MAX]; /* under way; the first `active` */
    int active;
    uint64_t look_ms, tended_ms; /* when to look next; when tended last, 0: not yet */
    unsigned failures;           /* of the database, in a row */
};

static bool is_stopping(const struct iqm_webhooks *webhooks)
{
    return atomic_load(&webhooks->stopping);
}

/* ---- one transfer ---- */

static void log_report(const struct delivery *delivery, const struct report *report)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO,
        report->outcome == DELIVERED ? "webhook_delivered" : "webhook_not_delivered");
    iqm_log_string(&line, "id", delivery->id);
    iqm_log_string(&line, "endpoint", delivery->endpoint_id);
    iqm_log_string(&line, "reason", report->failure);
    if (report->status > 0)
        iqm_log_number(&line, "status", report->status);
    iqm_log_number(&line, "took_ms", report->took_ms);
    iqm_log_end(&line);
}

/* Nobody knows any more what became of a delivery whose outcome cannot be entered: it is sent again
 * when its lease is over. */
static int settle(
    struct iqm_webhooks *webhooks, const struct delivery *delivery, const struct report *report)
{
    log_report(delivery, report);
    if (webhooks->connection == NULL)
        return IQM_EPG;
    int error = queue_settle(webhooks->connection, delivery, report, &webhooks->stopping);
    return error == IQM_ENOTFOUND ? 0 : error;
}

static void start_transfer(struct iqm_webhooks *webhooks, const struct delivery *delivery)
{
    struct transfer *transfer = transfer_new(webhooks->config, delivery);

    if (transfer == NULL || curl_multi_add_handle(webhooks->multi, transfer->easy) != CURLM_OK)
        transfer_free(transfer); /* it comes again when its lease is over */
    else
        webhooks->transfers[webhooks->active++] = transfer;
}

static void end_transfer(struct iqm_webhooks *webhooks, struct transfer *transfer)
{
    int at = 0;

    while (webhooks->transfers[at] != transfer)
        at++;
    webhooks->transfers[at] = webhooks->transfers[--webhooks->active];
    curl_multi_remove_handle(webhooks->multi, transfer->easy);
    transfer_free(transfer);
}

/* ---- rounds ---- */

static void fail(struct iqm_webhooks *webhooks)
{
    uint64_t ms = iqm_thread_back_off(++webhooks->failures, BACK_OFF_DOUBLINGS);
    struct iqm_log_line line;

    PQfinish(webhooks->connection);
    webhooks->connection = NULL;
    webhooks->look_ms = iqm_clock_ms() + ms;
    iqm_log_begin(&line, IQM_LOG_ERROR, "webhooks_retry");
    iqm_log_number(&line, "wait_ms", (int64_t)ms);
    iqm_log_end(&line);
}

static int tend(struct iqm_webhooks *webhooks)
{
    uint64_t now = iqm_clock_ms(), waiting = 0, dead = 0;

    if (webhooks->tended_ms != 0 && now - webhooks->tended_ms < TEND_EVERY_MS)
        return 0;
    int error = queue_tend(webhooks->connection, &webhooks->stopping, &waiting, &dead);
    if (error != 0)
        return error;
    webhooks->tended_ms = now;
    atomic_store(&webhooks->waiting, waiting);
    atomic_store(&webhooks->dead, dead);
    return 0;
}

static int take_until(struct iqm_webhooks *webhooks, int active, int each)
{
    struct delivery deliveries[TRANSFERS_MAX];
    int room = active - webhooks->active;

    if (room <= 0)
        return 0;
    int found = queue_take(webhooks->connection, webhooks->config->webhook_timeout + LEASE_BEYOND_S,
        room, each, &webhooks->stopping, deliveries);
    for (int i = 0; i < found; i++)
        start_transfer(webhooks, &deliveries[i]);
    return found < 0 ? found : 0;
}

/* Where slow ones have all the places that are shared, there is one more for each endpoint of which
 * nothing is under way. */
static int take(struct iqm_webhooks *webhooks)
{
    int error = take_until(webhooks, SHARED_MAX, EACH_MAX);

    if (error == 0 && webhooks->active >= SHARED_MAX)
        error = take_until(webhooks, TRANSFERS_MAX, 1);
    return error;
}

/* However much is new, transfers move on between its parts. */
static void look(struct iqm_webhooks *webhooks)
{
    bool more = false;

    if (webhooks->connection == NULL)
        webhooks->connection = iqm_ask_connect(
            webhooks->config, webhooks->config->database_url, NAME, &webhooks->stopping);
    if (webhooks->connection == NULL || tend(webhooks) != 0 ||
        pausing_go(&webhooks->pausing, webhooks->connection) != 0 ||
        queue_dispatch(webhooks->connection, &webhooks->stopping, &more) != 0 ||
        take(webhooks) != 0) {
        fail(webhooks);
        return;
    }
    webhooks->failures = 0;
    webhooks->look_ms = more ? 0 : iqm_clock_ms() + LOOK_EVERY_MS;
}

static void finish(struct iqm_webhooks *webhooks, struct transfer *transfer, CURLcode code)
{
    struct report report = transfer_judge(transfer, code);

    if (settle(webhooks, &transfer->delivery, &report) != 0 && webhooks->connection != NULL)
        fail(webhooks);
    else if (webhooks->connection != NULL)
        webhooks->look_ms = 0;
    end_transfer(webhooks, transfer);
}

/* Moves all transfers on, and enters what became of those that are over: more may wait for their
 * places. Those that end by themselves leave a connection that is used again. Where there is more
 * to come after a head, nobody waits for it: the connection is closed. */
static void go_on(struct iqm_webhooks *webhooks)
{
    int running, left;
    CURLMsg *message;

    curl_multi_perform(webhooks->multi, &running);
    while ((message = curl_multi_info_read(webhooks->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish(webhooks, transfer, code);
    }
    for (int i = webhooks->active - 1; i >= 0; i--) {
        if (webhooks->transfers[i]->is_answered)
            finish(webhooks, webhooks->transfers[i], CURLE_OK);
    }
}

static void wait_for_more(struct iqm_webhooks *webhooks, uint64_t until_ms)
{
    uint64_t now = iqm_clock_ms();

    if (now < until_ms)
        curl_multi_poll(webhooks->multi, NULL, 0, (int)(until_ms - now), NULL);
}

/* What is not over by then is left to others, at once. */
static void say_goodbye(struct iqm_webhooks *webhooks)
{
    static const struct report interrupted = {.outcome = INTERRUPTED};
    uint64_t until_ms = iqm_clock_ms() + GOODBYE_MS;

    while (webhooks->active > 0 && iqm_clock_ms() < until_ms) {
        go_on(webhooks);
        if (webhooks->active > 0)
            wait_for_more(webhooks, until_ms);
    }
    while (webhooks->active > 0) {
        struct transfer *transfer = webhooks->transfers[0];
        if (settle(webhooks, &transfer->delivery, &interrupted) != 0 &&
            webhooks->connection != NULL)
            fail(webhooks);
        end_transfer(webhooks, transfer);
    }
}

static void *run(void *cls)
{
    struct iqm_webhooks *webhooks = cls;

    while (!is_stopping(webhooks)) {
        if (iqm_clock_ms() >= webhooks->look_ms)
            look(webhooks);
        go_on(webhooks);
        wait_for_more(webhooks, webhooks->look_ms);
    }
    say_goodbye(webhooks);
    pausing_close(&webhooks->pausing);
    PQfinish(webhooks->connection);
    return NULL;
}

/* ---- from outside ---- */

struct iqm_webhooks *iqm_webhooks_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    struct iqm_webhooks *webhooks = calloc(1, sizeof *webhooks);

    if (webhooks == NULL)
        return NULL;
    webhooks->config = config;
    webhooks->pausing =
        (struct pausing){.config = config, .secrets = secrets, .stopping = &webhooks->stopping};
    iqm_webhook_allow_private(strcmp(config->webhook_private, "yes") == 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        webhooks->multi = curl_multi_init();
        if (webhooks->multi != NULL && iqm_thread_start(&webhooks->thread, run, webhooks) == 0)
            return webhooks;
        curl_multi_cleanup(webhooks->multi);
        curl_global_cleanup();
    }
    free(webhooks);
    return NULL;
}

uint64_t iqm_webhooks_waiting(const struct iqm_webhooks *webhooks)
{
    return webhooks != NULL ? atomic_load(&webhooks->waiting) : 0;
}

uint64_t iqm_webhooks_dead(const struct iqm_webhooks *webhooks)
{
    return webhooks != NULL ? atomic_load(&webhooks->dead) : 0;
}

void iqm_webhooks_stop(struct iqm_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    atomic_store(&webhooks->stopping, true);
    curl_multi_wakeup(webhooks->multi);
    iqm_thread_join(&webhooks->thread);
    curl_multi_cleanup(webhooks->multi);
    curl_global_cleanup();
    free(webhooks);
}
