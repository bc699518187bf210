/* Starts the workers, waits for a signal, stops them. Knows sockets and threads, no request. */
#include "worker.h"

#include "iqm/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096
#define FIRST_PASSED_SOCKET 3 /* sd_listen_fds(3) */

static atomic_bool draining;
static char server_url[IQM_PUBLIC_URL_MAX + 1];

bool iqm_server_is_draining(void)
{
    return atomic_load_explicit(&draining, memory_order_relaxed);
}

const char *iqm_server_url(void)
{
    return server_url;
}

/* Tells a service manager how we are, if one listens (sd_notify(3), the protocol itself). */
static void notify_manager(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    IQM_CLEANUP(iqm_close_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
        iqm_log_event(IQM_LOG_ERROR, "service_manager_not_told", "state", state);
}

/* A listening socket passed by the service manager, or -1. All workers then share its queue. */
static int passed_socket(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");

    if (pid == NULL || count == NULL || atol(pid) != (long)getpid() || atoi(count) < 1)
        return -1;
    return FIRST_PASSED_SOCKET;
}

static int bind_one(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* SO_REUSEPORT would let two servers of one user share a port unseen: probe for that first. */
static bool port_is_taken(const struct addrinfo *info)
{
    int on = 1;
    IQM_CLEANUP(iqm_close_fd) int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd, info->ai_addr, info->ai_addrlen) != 0 && errno == EADDRINUSE;
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static struct addrinfo *resolve(const char *host, int port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *info = NULL;
    char service[8];

    snprintf(service, sizeof service, "%d", port);
    return getaddrinfo(host, service, &hints, &info) == 0 ? info : NULL;
}

/* The next worker's socket; the first one settles the port where any would do. */
static int open_listener(const struct iqm_config *config, unsigned number, int *port)
{
    int passed = passed_socket();

    if (passed >= 0) {
        /* Workers race for its connections: who comes second must not wait in accept. */
        if (fcntl(passed, F_SETFL, fcntl(passed, F_GETFL) | O_NONBLOCK) != 0)
            return -1;
        return fcntl(passed, F_DUPFD_CLOEXEC, 0);
    }
    struct addrinfo *info = resolve(config->listen, *port);
    if (info == NULL) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = -1;
    if (number == 0 && *port != 0 && port_is_taken(info))
        errno = EADDRINUSE;
    else
        fd = bind_one(info);
    freeaddrinfo(info);
    if (fd >= 0)
        *port = port_of(fd);
    return fd;
}

static void log_cannot_listen(const char *event, const char *address, int port, const char *setting)
{
    const char *reason = strerror(errno);
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, event);
    iqm_log_string(&line, "address", address);
    iqm_log_number(&line, "port", port);
    iqm_log_string(&line, "reason", reason);
    iqm_log_string(&line, "setting", setting);
    iqm_log_end(&line);
}

static int open_workers(
    struct worker *workers, unsigned count, const struct iqm_server_options *options, int *ret_port)
{
    int port = (int)options->config->port;

    for (unsigned i = 0; i < count; i++) {
        int listener = open_listener(options->config, i, &port);
        if (listener < 0) {
            log_cannot_listen(
                "cannot_listen", options->config->listen, port, "IQM_LISTEN, IQM_PORT");
            return IQM_EIO;
        }
        int error = worker_open(&workers[i], options, i, listener);
        if (error != 0)
            return error;
    }
    *ret_port = passed_socket() >= 0 ? port_of(passed_socket()) : port;
    return 0;
}

/* Every connection is a descriptor: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Blocked in every thread and waited for in one place. SIGHUP is noted and changes nothing: the
 * configuration is read once. */
static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void wait_for_stop(const sigset_t *set)
{
    int signal_number = 0;

    do {
        if (sigwait(set, &signal_number) == 0 && signal_number == SIGHUP)
            iqm_log_event(IQM_LOG_INFO, "hangup_ignored", NULL, NULL);
    } while (signal_number == SIGHUP);
}

static void announce(const struct iqm_config *config, int port, int metrics_port)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO, "listening");
    iqm_log_string(&line, "address", config->listen);
    iqm_log_number(&line, "port", port);
    iqm_log_number(&line, "metrics_port", metrics_port);
    iqm_log_number(&line, "workers", config->workers);
    iqm_log_string(&line, "url", iqm_server_url());
    iqm_log_end(&line);
    notify_manager("READY=1");
}

/* 0 with *ret_metrics NULL where none is wanted. */
static int open_metrics(struct worker *workers, unsigned count, const struct iqm_config *config,
    struct MHD_Daemon **ret_metrics, int *ret_port)
{
    int port = (int)config->metrics_port;

    *ret_port = port;
    if (port == IQM_METRICS_OFF)
        return 0;
    *ret_metrics = metrics_start(workers, count, port, ret_port);
    if (*ret_metrics != NULL)
        return 0;
    log_cannot_listen("metrics_cannot_listen", "127.0.0.1", port, "IQM_METRICS_PORT");
    return IQM_EIO;
}

void iqm_server_settle_url(const struct iqm_config *config, int port)
{
    const char *host = config->listen;
    bool is_ipv6 = strchr(host, ':') != NULL;

    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    char url[sizeof server_url];
    if (*config->public_url != '\0')
        snprintf(url, sizeof url, "%s", config->public_url);
    else
        snprintf(url, sizeof url, is_ipv6 ? "http://[%s]:%d" : "http://%s:%d", host, port);
    /* Threads that read it may be at work already; what is settled twice is the same. */
    if (strcmp(url, server_url) != 0)
        snprintf(server_url, sizeof server_url, "%s", url);
}

static void stop_workers(struct worker *workers, unsigned count)
{
    iqm_log_event(IQM_LOG_INFO, "stopping", NULL, NULL);
    notify_manager("STOPPING=1");
    atomic_store(&draining, true);
    for (unsigned i = 0; i < count; i++)
        worker_stop(&workers[i]);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
}

static int serve(struct worker *workers, unsigned count, const struct iqm_server_options *options,
    const sigset_t *signals)
{
    int port = 0;
    int metrics_port = 0;
    struct MHD_Daemon *metrics = NULL;

    if (open_workers(workers, count, options, &port) != 0 ||
        open_metrics(workers, count, options->config, &metrics, &metrics_port) != 0) {
        for (unsigned i = 0; i < count; i++)
            worker_discard(&workers[i]);
        return IQM_EIO;
    }
    iqm_server_settle_url(options->config, port);
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0)
            abort(); /* no thread, no service; the manager starts us again */
    }
    announce(options->config, port, metrics_port);
    wait_for_stop(signals);
    if (metrics != NULL)
        MHD_stop_daemon(metrics); /* it reads the workers' counters */
    stop_workers(workers, count);
    return 0;
}

int iqm_server_run(const struct iqm_server_options *options)
{
    unsigned count = (unsigned)options->config->workers;
    struct worker *workers = calloc(count, sizeof *workers);
    sigset_t signals;

    if (workers == NULL)
        return IQM_ENOMEM;
    block_signals(&signals);
    raise_descriptor_limit();
    iqm_limits_open(options->config);
    int error = serve(workers, count, options, &signals);
    free(workers);
    return error;
}
