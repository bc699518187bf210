/*
 * One worker thread. The HTTP parser runs inside our event loop: its own epoll descriptor is
 * watched, its wish to be called again sets a timer, and after each turn it runs once and the
 * database statements of the whole turn are sent. Nothing is shared with other workers.
 */
#include "worker.h"

#include "iqm/ids.h"
#include "iqm/log.h"
#include "iqm/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWEEP_EVERY_MS 1000
#define LONGEST_WAIT_MS 1000

static void keep_connection(
    struct worker *worker, struct MHD_Connection *mhd, void **socket_context)
{
    struct connection *connection = calloc(1, sizeof *connection);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    *socket_context = connection;
    if (connection == NULL)
        return;
    connection->socket = info != NULL ? info->connect_fd : -1;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    connection->peer = iqm_address_of_socket(info != NULL ? info->client_addr : NULL);
    iqm_address_text(&connection->peer, connection->peer_text);
    connection->deadline = iqm_clock_ms() + (uint64_t)(worker->options->config->idle_timeout +
                                                       worker->options->config->request_timeout) *
                                                1000;
    connection->next = worker->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    worker->connections = connection;
    counter_add(&worker->counters.connections, 1);
}

static void drop_connection(struct worker *worker, struct connection *connection)
{
    if (connection == NULL)
        return;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        worker->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    counter_add(&worker->counters.connections, (uint64_t)-1);
    request_abandon(connection->request);
    free(connection);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        keep_connection(cls, mhd, socket_context);
    } else {
        drop_connection(cls, *socket_context);
        *socket_context = NULL;
    }
}

/* What the parser says about broken clients is of no use to an operator. */
static void ignore_log(void *cls, const char *format, va_list arguments)
{
    (void)cls;
    (void)format;
    (void)arguments;
}

/* The target is decoded by target.c, once: the parser must leave it alone. */
static size_t leave_alone(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct worker *worker)
{
    const struct iqm_config *config = worker->options->config;
    unsigned connections = (unsigned)(config->connections / config->workers);

    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, request_handle, worker, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, worker->listener, MHD_OPTION_CONNECTION_LIMIT,
        connections > 0 ? connections : 1, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)config->idle_timeout, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)config->connection_memory, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024,
        MHD_OPTION_URI_LOG_CALLBACK, request_new, worker, MHD_OPTION_NOTIFY_COMPLETED,
        request_completed, worker, MHD_OPTION_NOTIFY_CONNECTION, on_connection, worker,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_alone, NULL, MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
        MHD_OPTION_END);
}

static void on_sockets(uv_poll_t *handle, int status, int events)
{
    /* The parser runs at the end of every turn: being awake is enough. */
    (void)handle;
    (void)status;
    (void)events;
}

static void on_timeout(uv_timer_t *timer)
{
    (void)timer;
}

static void on_again(uv_idle_t *idle)
{
    uv_idle_stop(idle);
}

/* Before waiting: how long may we? Not at all when the parser has work, or a connection was woken.
 */
static void before_waiting(uv_prepare_t *handle)
{
    struct worker *worker = handle->data;
    MHD_UNSIGNED_LONG_LONG wanted = LONGEST_WAIT_MS;

    if (worker->closing)
        return;
    if (MHD_get_timeout(worker->daemon, &wanted) != MHD_YES || wanted > LONGEST_WAIT_MS)
        wanted = LONGEST_WAIT_MS;
    if (wanted == 0 || worker->woken)
        uv_idle_start(&worker->again, on_again);
    else
        uv_timer_start(&worker->timeout, on_timeout, wanted, 0);
}

static void after_waiting(uv_check_t *handle)
{
    struct worker *worker = handle->data;

    if (worker->closing)
        return;
    worker->woken = false;
    MHD_run(worker->daemon);
    iqm_pg_flush(worker->pg);
    iqm_vault_flush(worker->vault);
    iqm_log_flush();
}

/* Whether the client waits for the next piece of an answer: that is not its fault. */
static bool waits_for_us(const struct connection *connection)
{
    return connection->request != NULL && connection->request->stream.asked;
}

/* The inactivity timeout of the parser starts anew with each byte; this bound does not. A socket
 * shut down is noticed by the parser as a client that has gone. */
static void shut_overdue(struct worker *worker, uint64_t now)
{
    for (struct connection *c = worker->connections; c != NULL; c = c->next) {
        if (now <= c->deadline || waits_for_us(c))
            continue;
        if (c->request == NULL || !stream_reset(c->request))
            shutdown(c->socket, SHUT_RDWR);
        c->deadline = UINT64_MAX;
        counter_add(&worker->counters.timeouts, 1);
    }
}

static void copy_database_counters(struct worker *worker)
{
    const struct iqm_pg_counters *pg = iqm_pg_counters(worker->pg);

    counter_set(&worker->counters.database_batches, pg->batches);
    counter_set(&worker->counters.database_failures, pg->failures);
    counter_set(&worker->counters.database_reconnects, pg->reconnects);
    counter_set(&worker->counters.database_waiting, pg->waiting);
    counter_set(&worker->counters.database_up, iqm_pg_is_up(worker->pg) ? 1 : 0);
}

static void close_handles(struct worker *worker)
{
    uv_close((uv_handle_t *)&worker->sockets, NULL);
    uv_close((uv_handle_t *)&worker->before, NULL);
    uv_close((uv_handle_t *)&worker->after, NULL);
    uv_close((uv_handle_t *)&worker->timeout, NULL);
    uv_close((uv_handle_t *)&worker->sweep, NULL);
    uv_close((uv_handle_t *)&worker->pulse, NULL);
    uv_close((uv_handle_t *)&worker->again, NULL);
    uv_close((uv_handle_t *)&worker->stop, NULL);
    uv_close((uv_handle_t *)&worker->returned, NULL);
}

/* The parser would close them as if they had come to their end. */
static void reset_unfinished(struct worker *worker)
{
    for (struct connection *c = worker->connections; c != NULL; c = c->next) {
        if (c->request != NULL)
            stream_reset(c->request);
    }
}

/* The last step of draining: closing the sessions answers what still waits, and nothing new begins,
 * so that no connection is asleep when the parser stops: it would end the process. */
static void finish(struct worker *worker)
{
    const struct iqm_server_options *options = worker->options;

    worker->closing = true;
    if (options->pulse != NULL)
        options->pulse(worker->pg, options->services); /* answers that last end now */
    iqm_vault_close(worker->vault);
    iqm_pg_close(worker->pg);
    /* Who hears that may ask for the next thing. */
    while (iqm_pg_settle(worker->pg) || iqm_vault_settle(worker->vault))
        ;
    if (options->leave != NULL)
        options->leave(worker->pg, options->services, true);
    MHD_run(worker->daemon);
    reset_unfinished(worker);
    MHD_stop_daemon(worker->daemon);
    close_handles(worker);
}

static bool may_leave(const struct worker *worker)
{
    return worker->options->leave == NULL ||
           worker->options->leave(worker->pg, worker->options->services, false);
}

static void on_sweep(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    uint64_t now = iqm_clock_ms();

    shut_overdue(worker, now);
    copy_database_counters(worker);
    if (worker->options->upkeep != NULL && !worker->draining)
        worker->options->upkeep(worker->pg, worker->options->services);
    if (!worker->draining)
        return;
    bool overdue = now >= worker->drain_deadline;
    if (worker->background == 0 && (worker->requests == NULL || overdue)) {
        if (may_leave(worker) || overdue)
            finish(worker);
    } else if (overdue && worker->options->give_up != NULL) {
        worker->options->give_up(worker->options->services);
    }
}

static void on_pulse(uv_timer_t *timer)
{
    struct worker *worker = timer->data;

    worker->options->pulse(worker->pg, worker->options->services);
}

static void on_stop(uv_async_t *async)
{
    struct worker *worker = async->data;
    MHD_socket listener;

    if (worker->draining)
        return;
    worker->draining = true;
    worker->drain_deadline =
        iqm_clock_ms() + (uint64_t)worker->options->config->drain_timeout * 1000;
    MHD_run(worker->daemon); /* takes in who already stands in the queue */
    listener = MHD_quiesce_daemon(worker->daemon);
    if (listener >= 0)
        close(listener);
    uv_timer_start(&worker->sweep, on_sweep, 10, 50);
}

static int open_loop(struct worker *worker)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    if (info == NULL || uv_poll_init(&worker->loop, &worker->sockets, info->epoll_fd) != 0)
        return IQM_EIO;
    uv_prepare_init(&worker->loop, &worker->before);
    uv_check_init(&worker->loop, &worker->after);
    uv_timer_init(&worker->loop, &worker->timeout);
    uv_timer_init(&worker->loop, &worker->sweep);
    uv_timer_init(&worker->loop, &worker->pulse);
    uv_idle_init(&worker->loop, &worker->again);
    worker->sockets.data = worker->before.data = worker->after.data = worker;
    worker->sweep.data = worker->again.data = worker->stop.data = worker->pulse.data = worker;
    uv_poll_start(&worker->sockets, UV_READABLE, on_sockets);
    uv_prepare_start(&worker->before, before_waiting);
    uv_check_start(&worker->after, after_waiting);
    uv_timer_start(&worker->sweep, on_sweep, SWEEP_EVERY_MS, SWEEP_EVERY_MS);
    if (worker->options->pulse != NULL)
        uv_timer_start(&worker->pulse, on_pulse, IQM_PULSE_MS, IQM_PULSE_MS);
    return 0;
}

static int open_counters(struct worker *worker)
{
    size_t rows = worker->options->contract->operation_count + 1;

    worker->counters.by_operation = calloc(rows * 6, sizeof *worker->counters.by_operation);
    return worker->counters.by_operation != NULL ? 0 : IQM_ENOMEM;
}

int worker_open(
    struct worker *worker, const struct iqm_server_options *options, unsigned number, int listener)
{
    const struct iqm_config *config = options->config;

    worker->options = options;
    worker->number = number;
    worker->listener = listener;
    if (open_counters(worker) != 0 || uv_loop_init(&worker->loop) != 0 ||
        uv_async_init(&worker->loop, &worker->stop, on_stop) != 0 || background_open(worker) != 0)
        return IQM_ENOMEM;
    worker->daemon = start_daemon(worker);
    if (worker->daemon == NULL || open_loop(worker) != 0) {
        iqm_log_event(IQM_LOG_ERROR, "worker_not_started", NULL, NULL);
        return IQM_EIO;
    }
    struct iqm_pg_options pg = {
        .url = config->database_url,
        .name = "iqmd",
        .role = config->database_role,
        .write_connections = (unsigned)config->write_connections,
        .queue_max = (unsigned)config->database_queue,
        .timeout_ms = (unsigned)config->database_timeout,
    };
    worker->pg = iqm_pg_new(&worker->loop, &pg);
    if (worker->pg != NULL && options->secrets != NULL)
        worker->vault = iqm_vault_new(&worker->loop, config, options->secrets);
    return worker->pg != NULL && (options->secrets == NULL || worker->vault != NULL) ? 0
                                                                                     : IQM_ENOMEM;
}

/* Runs the loop to its end and frees what is left. */
static void run_out(struct worker *worker)
{
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    iqm_vault_free(worker->vault);
    iqm_pg_free(worker->pg);
    uv_loop_close(&worker->loop);
    pthread_mutex_destroy(&worker->returns_lock);
    free((void *)worker->counters.by_operation);
    gzip_close();
    iqm_log_flush();
}

void *worker_run(void *cls)
{
    struct worker *worker = cls;

    iqm_log_gather();
    MHD_run(worker->daemon);
    run_out(worker);
    return NULL;
}

void worker_discard(struct worker *worker)
{
    if (worker->pg == NULL) /* not opened to the end: nothing runs yet */
        return;
    finish(worker);
    run_out(worker);
}

void worker_stop(struct worker *worker)
{
    uv_async_send(&worker->stop);
}
