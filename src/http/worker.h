/* One worker thread: loop, listening socket, database sessions, and its own counters. */
#ifndef IQM_HTTP_WORKER_H
#define IQM_HTTP_WORKER_H

#include "iqm/http.h"
#include "iqm/pg.h"
#include "request.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#define LATENCY_BUCKETS 12

/* Written by one thread, read by the metrics thread: relaxed atomics, no locks. */
struct counters {
    _Atomic uint64_t *by_operation; /* [operation + 1][status / 100]; the last row: no operation */
    _Atomic uint64_t latency[LATENCY_BUCKETS + 1];
    _Atomic uint64_t latency_sum_us;
    _Atomic uint64_t bytes_sent;
    _Atomic uint64_t connections;
    _Atomic uint64_t requests_active;
    _Atomic uint64_t timeouts;
    _Atomic uint64_t limited;
    _Atomic uint64_t database_batches, database_failures, database_reconnects, database_waiting;
    _Atomic uint64_t database_up;
};

struct worker {
    const struct iqm_server_options *options;
    pthread_t thread;
    unsigned number;
    int listener;
    struct MHD_Daemon *daemon;
    struct iqm_pg *pg;
    struct iqm_vault *vault; /* NULL: none */
    uv_loop_t loop;
    uv_poll_t sockets;
    uv_prepare_t before;
    uv_check_t after;
    uv_timer_t timeout;
    uv_timer_t sweep;
    uv_timer_t pulse;
    uv_idle_t again;
    uv_async_t stop;
    bool draining, closing;
    bool woken; /* a connection was resumed: MHD must run again */
    uint64_t drain_deadline;
    struct connection *connections;
    struct request *requests;
    unsigned background; /* pieces of work in the pool, or expected from other threads */
    uv_async_t returned;
    pthread_mutex_t returns_lock; /* over the list of work that other threads have done */
    struct iqm_return *returns, **returns_end;
    struct counters counters;
};

/* Prepares the worker around a listening socket, which it takes. 0 or negative, logged. */
int worker_open(
    struct worker *worker, const struct iqm_server_options *options, unsigned number, int listener);

/* The thread's body: serves until worker_stop, then drains and frees everything. */
void *worker_run(void *worker);

/* Frees a worker that was opened, even in part, and never run. */
void worker_discard(struct worker *worker);

/* Asks the worker to stop; callable from any thread. */
void worker_stop(struct worker *worker);

/* background.c: prepares the way back from other threads. 0 or negative. */
int background_open(struct worker *worker);

/* metrics.c: notes one finished request; and the listener that tells all counters. */
void metrics_note(struct worker *worker, const struct request *request, uint64_t elapsed_us);
struct MHD_Daemon *metrics_start(struct worker *workers, unsigned count, int port, int *ret_port);

static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + amount, memory_order_relaxed);
}

static inline void counter_set(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

#endif
