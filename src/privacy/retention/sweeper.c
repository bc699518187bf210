/*
 * The thread that sees to it that what has outlived its time goes. Every instance of the server has
 * one: the database says when the next round is, and lets one at a time go it. Must not give up on
 * a database that is away, nor hold up the end of the server, nor say anything about anybody in the
 * log.
 */
#include "iqm/retention.h"

#include "iqm/ask.h"
#include "iqm/keyring.h"
#include "iqm/log.h"
#include "iqm/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "iqmd retention"
#define LOOK_EVERY_S 3600    /* at least: the next round may have been put forward */
#define BUSY_S 60            /* until looked at again while another is at it */
#define BACK_OFF_DOUBLINGS 9 /* to about nine minutes */

struct iqm_sweeper {
    const struct iqm_config *config;
    struct iqm_thread thread;
    atomic_bool stopping;
    atomic_uint_fast64_t rows, people;
    unsigned failures; /* in a row */
};

static bool is_stopping(const struct iqm_sweeper *sweeper)
{
    return atomic_load(&sweeper->stopping);
}

static void finish(PGconn **connection)
{
    PQfinish(*connection);
}

/* Seconds until the next round; negative: that could not be asked. */
static int64_t ask_when(const struct iqm_sweeper *sweeper, PGconn *connection)
{
    char every[24];
    const char *values[] = {every};

    snprintf(every, sizeof every, "%" PRId64, sweeper->config->retention_every);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection, "SELECT retention_due_in($1::integer)", 1, values, NULL,
        NULL, &sweeper->stopping);
    return PQntuples(rows) == 1 ? iqm_ask_int64(rows, 0) : -1;
}

static void log_round(const struct iqm_retention_round *done, bool whole)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, whole ? IQM_LOG_INFO : IQM_LOG_ERROR, "retention_swept");
    iqm_log_number(&line, "rows", (int64_t)done->rows);
    iqm_log_number(&line, "people", (int64_t)done->people);
    iqm_log_number(&line, "failures", (int64_t)done->failures);
    iqm_log_number(&line, "repeated", (int64_t)done->repeated);
    iqm_log_end(&line);
}

/* 0, or what it came to grief on. */
static int go_round(struct iqm_sweeper *sweeper, PGconn *connection, bool *ret_busy)
{
    IQM_CLEANUP(finish)
    PGconn *keys = iqm_key_connect(sweeper->config, NAME, &sweeper->stopping);
    struct iqm_retention_round done;

    if (keys == NULL)
        return IQM_EPGLOST;
    int error =
        iqm_retention_go_round(sweeper->config, connection, keys, &sweeper->stopping, &done);
    atomic_fetch_add(&sweeper->rows, done.rows);
    atomic_fetch_add(&sweeper->people, done.people);
    if (!done.busy)
        log_round(&done, error == 0 && done.failures == 0);
    *ret_busy = done.busy;
    return error;
}

static int64_t fail(struct iqm_sweeper *sweeper)
{
    int64_t pause_s =
        (int64_t)iqm_thread_back_off(++sweeper->failures, BACK_OFF_DOUBLINGS) / 1000 + 1;
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, "retention_retry");
    iqm_log_number(&line, "wait_s", pause_s);
    iqm_log_end(&line);
    return pause_s;
}

/* Looks whether a round is due, and goes it; how many seconds to wait. Connects for no longer. */
static int64_t work(struct iqm_sweeper *sweeper)
{
    IQM_CLEANUP(finish)
    PGconn *connection =
        iqm_ask_connect(sweeper->config, sweeper->config->database_url, NAME, &sweeper->stopping);
    int64_t wait_s = connection != NULL ? ask_when(sweeper, connection) : -1;
    bool busy = false;

    if (wait_s < 0 || (wait_s == 0 && go_round(sweeper, connection, &busy) != 0))
        return fail(sweeper);
    sweeper->failures = 0;
    if (wait_s == 0)
        wait_s = sweeper->config->retention_every;
    int64_t most_s = busy ? BUSY_S : LOOK_EVERY_S;
    return wait_s < most_s ? wait_s : most_s;
}

static void wait_for(struct iqm_sweeper *sweeper, int64_t seconds)
{
    struct timespec until = iqm_thread_after_ms((uint64_t)seconds * 1000);
    int error = 0;

    pthread_mutex_lock(&sweeper->thread.mutex);
    while (error == 0 && !is_stopping(sweeper))
        error = pthread_cond_timedwait(&sweeper->thread.changed, &sweeper->thread.mutex, &until);
    pthread_mutex_unlock(&sweeper->thread.mutex);
}

static void *run(void *cls)
{
    struct iqm_sweeper *sweeper = cls;

    while (!is_stopping(sweeper) && sweeper->config->retention_every > 0)
        wait_for(sweeper, work(sweeper));
    return NULL;
}

struct iqm_sweeper *iqm_sweeper_start(const struct iqm_config *config)
{
    struct iqm_sweeper *sweeper = calloc(1, sizeof *sweeper);

    if (sweeper == NULL)
        return NULL;
    sweeper->config = config;
    if (iqm_thread_start(&sweeper->thread, run, sweeper) == 0)
        return sweeper;
    free(sweeper);
    return NULL;
}

uint64_t iqm_sweeper_rows(const struct iqm_sweeper *sweeper)
{
    return sweeper != NULL ? atomic_load(&sweeper->rows) : 0;
}

uint64_t iqm_sweeper_people(const struct iqm_sweeper *sweeper)
{
    return sweeper != NULL ? atomic_load(&sweeper->people) : 0;
}

void iqm_sweeper_stop(struct iqm_sweeper *sweeper)
{
    if (sweeper == NULL)
        return;
    pthread_mutex_lock(&sweeper->thread.mutex);
    atomic_store(&sweeper->stopping, true);
    pthread_cond_broadcast(&sweeper->thread.changed);
    pthread_mutex_unlock(&sweeper->thread.mutex);
    iqm_thread_join(&sweeper->thread);
    free(sweeper);
}
