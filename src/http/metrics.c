/* Counters for Prometheus (text format 0.0.4), told by a listener of their own on loopback. */
#include "worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 6 /* by first digit of the status; 0: no answer */

static const uint64_t bucket_us[LATENCY_BUCKETS] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 1000000, 5000000};

static struct {
    struct worker *workers;
    unsigned count;
} scope;

static size_t operation_row(const struct worker *worker, const struct iqm_operation *operation)
{
    const struct iqm_contract *contract = worker->options->contract;

    return operation != NULL ? (size_t)(operation - contract->operations)
                             : contract->operation_count;
}

void metrics_note(struct worker *worker, const struct request *request, uint64_t elapsed_us)
{
    struct counters *counters = &worker->counters;
    size_t class = request->status / 100 < CLASSES ? request->status / 100 : 0;
    size_t bucket = 0;

    while (bucket < LATENCY_BUCKETS && elapsed_us > bucket_us[bucket])
        bucket++;
    counter_add(
        &counters->by_operation[operation_row(worker, request->call.operation) * CLASSES + class],
        1);
    if (!request->stream.live) { /* how long somebody listens says nothing of us */
        counter_add(&counters->latency[bucket], 1);
        counter_add(&counters->latency_sum_us, elapsed_us);
    }
    counter_add(&counters->bytes_sent, request->answer_bytes);
}

static uint64_t sum(size_t offset)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < scope.count; i++) {
        const char *counters = (const char *)&scope.workers[i].counters;
        total += atomic_load_explicit(
            (_Atomic uint64_t *)(uintptr_t)(counters + offset), memory_order_relaxed);
    }
    return total;
}

static uint64_t sum_operation(size_t row, size_t class)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < scope.count; i++)
        total += atomic_load_explicit(
            &scope.workers[i].counters.by_operation[row * CLASSES + class], memory_order_relaxed);
    return total;
}

static void print_operations(FILE *out)
{
    const struct iqm_contract *contract = scope.workers[0].options->contract;

    fprintf(out, "# HELP iqm_requests_total Requests by operation and class of status.\n"
                 "# TYPE iqm_requests_total counter\n");
    for (size_t row = 0; row <= contract->operation_count; row++) {
        const char *name = row < contract->operation_count ? contract->operations[row].id : "none";
        for (size_t class = 0; class < CLASSES; class ++) {
            uint64_t count = sum_operation(row, class);
            if (count > 0)
                fprintf(out, "iqm_requests_total{operation=\"%s\",status=\"%zuxx\"} %" PRIu64 "\n",
                    name, class, count);
        }
    }
}

static void print_latency(FILE *out)
{
    uint64_t total = 0;

    fprintf(out, "# HELP iqm_request_seconds Time from request line to completion.\n"
                 "# TYPE iqm_request_seconds histogram\n");
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        total += sum(offsetof(struct counters, latency) + i * sizeof(uint64_t));
        fprintf(out, "iqm_request_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
            (double)bucket_us[i] / 1e6, total);
    }
    total += sum(offsetof(struct counters, latency) + LATENCY_BUCKETS * sizeof(uint64_t));
    fprintf(out,
        "iqm_request_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\niqm_request_seconds_sum %g\n"
        "iqm_request_seconds_count %" PRIu64 "\n",
        total, (double)sum(offsetof(struct counters, latency_sum_us)) / 1e6, total);
}

static void print_simple(FILE *out)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } simple[] = {
        {"iqm_sent_bytes_total", "counter", "Bytes of answers' bodies.",
            offsetof(struct counters, bytes_sent)},
        {"iqm_connections", "gauge", "Open connections.", offsetof(struct counters, connections)},
        {"iqm_requests_active", "gauge", "Requests under way.",
            offsetof(struct counters, requests_active)},
        {"iqm_connection_timeouts_total", "counter", "Connections closed for taking too long.",
            offsetof(struct counters, timeouts)},
        {"iqm_requests_limited_total", "counter", "Requests refused by a rate limit.",
            offsetof(struct counters, limited)},
        {"iqm_database_batches_total", "counter", "Batches of statements sent.",
            offsetof(struct counters, database_batches)},
        {"iqm_database_failures_total", "counter", "Batches that failed.",
            offsetof(struct counters, database_failures)},
        {"iqm_database_reconnects_total", "counter", "Attempts to connect again.",
            offsetof(struct counters, database_reconnects)},
        {"iqm_database_waiting", "gauge", "Requests waiting for a session.",
            offsetof(struct counters, database_waiting)},
        {"iqm_database_up", "gauge", "Workers whose read session is connected.",
            offsetof(struct counters, database_up)},
    };

    for (size_t i = 0; i < IQM_LENGTH(simple); i++)
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", simple[i].name, simple[i].help,
            simple[i].name, simple[i].type, simple[i].name, sum(simple[i].offset));
}

static void print_mail(FILE *out)
{
    const struct iqm_server_options *options = scope.workers[0].options;

    if (options->mail_waiting != NULL)
        fprintf(out,
            "# HELP iqm_mail_waiting Mails that wait in the outbox, of all instances.\n"
            "# TYPE iqm_mail_waiting gauge\niqm_mail_waiting %" PRIu64 "\n",
            options->mail_waiting(options->services));
}

static void print_retention(FILE *out)
{
    const struct iqm_server_options *options = scope.workers[0].options;

    if (options->retention_rows == NULL || options->retention_people == NULL)
        return;
    fprintf(out,
        "# HELP iqm_retention_rows_total Rows deleted because they had outlived their time.\n"
        "# TYPE iqm_retention_rows_total counter\niqm_retention_rows_total %" PRIu64 "\n",
        options->retention_rows(options->services));
    fprintf(out,
        "# HELP iqm_retention_people_total People erased because they had outlived their time.\n"
        "# TYPE iqm_retention_people_total counter\niqm_retention_people_total %" PRIu64 "\n",
        options->retention_people(options->services));
}

static void print_sync(FILE *out)
{
    const struct iqm_server_options *options = scope.workers[0].options;

    if (options->sync_lag != NULL)
        fprintf(out,
            "# HELP iqm_sync_lag_seconds How long the oldest change that is not told to programs "
            "that work offline has waited for a transaction to end.\n"
            "# TYPE iqm_sync_lag_seconds gauge\niqm_sync_lag_seconds %.3f\n",
            options->sync_lag());
    if (options->listeners != NULL && options->events_sent != NULL)
        fprintf(out,
            "# HELP iqm_listeners Streams of events that are open.\n"
            "# TYPE iqm_listeners gauge\niqm_listeners %" PRIu64 "\n"
            "# HELP iqm_events_total Events sent to listeners, beside heartbeats.\n"
            "# TYPE iqm_events_total counter\niqm_events_total %" PRIu64 "\n",
            options->listeners(), options->events_sent());
}

static void print_webhooks(FILE *out)
{
    const struct iqm_server_options *options = scope.workers[0].options;

    if (options->webhooks_waiting == NULL || options->webhooks_dead == NULL)
        return;
    fprintf(out,
        "# HELP iqm_webhooks_waiting Deliveries that wait for endpoints of webhooks, of all "
        "instances.\n"
        "# TYPE iqm_webhooks_waiting gauge\niqm_webhooks_waiting %" PRIu64 "\n",
        options->webhooks_waiting(options->services));
    fprintf(out,
        "# HELP iqm_webhooks_dead Endpoints that were paused because they were gone or nothing "
        "succeeded.\n"
        "# TYPE iqm_webhooks_dead gauge\niqm_webhooks_dead %" PRIu64 "\n",
        options->webhooks_dead(options->services));
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size,
    void **con_cls)
{
    char *text = NULL;
    size_t length = 0;
    bool found = strcmp(url, "/metrics") == 0 && strcmp(method, "GET") == 0;
    FILE *out = open_memstream(&text, &length);

    (void)cls;
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)con_cls;
    if (out == NULL)
        return MHD_NO;
    if (found) {
        print_operations(out);
        print_latency(out);
        print_simple(out);
        print_mail(out);
        print_retention(out);
        print_sync(out);
        print_webhooks(out);
    }
    if (fclose(out) != 0)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4");
    enum MHD_Result result = MHD_queue_response(mhd, found ? 200 : 404, response);
    MHD_destroy_response(response);
    return result;
}

struct MHD_Daemon *metrics_start(struct worker *workers, unsigned count, int port, int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    scope.workers = workers;
    scope.count = count;
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0,
        NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, 16u,
        MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    if (daemon == NULL)
        return NULL;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    *ret_port = info != NULL ? info->port : port;
    return daemon;
}
