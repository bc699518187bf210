/*
 * When the two databases are brought to agree about who was erased: before the first request, and
 * then again and again. An erasure may have been cut off between the two: by a key database that
 * went away, or by a server that was killed and whose last statement PostgreSQL carried out after
 * the next server had started.
 */
#include "iqm/ask.h"
#include "iqm/erasure.h"
#include "iqm/log.h"
#include "iqm/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define THREAD "iqmd erasures"
#define AGAIN_MS 300
#define ROUND_EVERY_MS 5000
#define ROUND_DAYS 7 /* how far back a round looks; a start looks at all */

struct iqm_erasure_keeper {
    const struct iqm_config *config;
    struct iqm_thread thread;
    atomic_bool stopping;
};

static void log_count(const char *event, unsigned count)
{
    struct iqm_log_line line;

    if (count == 0)
        return;
    iqm_log_begin(&line, IQM_LOG_INFO, event);
    iqm_log_number(&line, "count", (int64_t)count);
    iqm_log_end(&line);
}

/* How long a statement may take is for iqm_ask to say: then the connection counts as lost, and it
 * is tried again. */
static PGconn *connect_to(
    const struct iqm_config *config, const char *url, const atomic_bool *stopping)
{
    PGconn *connection = iqm_ask_connect(config, url, THREAD, stopping);

    if (connection == NULL)
        return NULL;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *set = iqm_ask(connection, "SELECT set_config('statement_timeout', '0', false)", 0,
        NULL, NULL, NULL, stopping);
    if (set != NULL)
        return connection;
    PQfinish(connection);
    return NULL;
}

static int agree_over(const struct iqm_config *config, const char since[static IQM_UUID_TEXT],
    const atomic_bool *stopping, struct iqm_agreement *agreement)
{
    PGconn *connection = connect_to(config, config->database_url, stopping);
    PGconn *keys =
        connection != NULL ? connect_to(config, config->key_database_url, stopping) : NULL;
    int error = keys != NULL ? iqm_erasures_agree(connection, keys, since, stopping, agreement)
                             : IQM_EPGLOST;

    PQfinish(keys);
    PQfinish(connection);
    return error;
}

/* What was done is told also where the rest of it failed. */
static int agree(const struct iqm_config *config, const char since[static IQM_UUID_TEXT],
    const atomic_bool *stopping)
{
    struct iqm_agreement agreement = {0};
    int error = agree_over(config, since, stopping, &agreement);

    log_count("erasures_repeated", agreement.repeated);
    log_count("erasures_finished", agreement.finished);
    return error;
}

int iqm_erasures_await(const struct iqm_config *config)
{
    static const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    static const atomic_bool never;
    bool said = false;
    int error;

    while ((error = agree(config, IQM_ERASURES_ALL, &never)) == IQM_EPGLOST) {
        if (!said)
            iqm_log_event(IQM_LOG_ERROR, "database_awaited", NULL, NULL);
        said = true;
        nanosleep(&pause, NULL);
    }
    return error;
}

/* ---- then again and again ---- */

/* Before every id that was made in the days that a round looks at: ids begin with their time. */
static void first_id(char ret_id[static IQM_UUID_TEXT])
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = ((uint64_t)now.tv_sec - (uint64_t)ROUND_DAYS * 86400) * 1000;
    snprintf(ret_id, IQM_UUID_TEXT, "%08" PRIx64 "-%04" PRIx64 "-0000-0000-000000000000",
        (ms >> 16) & 0xffffffff, ms & 0xffff);
}

static void wait_for_round(struct iqm_erasure_keeper *keeper)
{
    struct timespec until = iqm_thread_after_ms(ROUND_EVERY_MS);
    int error = 0;

    pthread_mutex_lock(&keeper->thread.mutex);
    while (error == 0 && !atomic_load(&keeper->stopping))
        error = pthread_cond_timedwait(&keeper->thread.changed, &keeper->thread.mutex, &until);
    pthread_mutex_unlock(&keeper->thread.mutex);
}

/* A database that is away is asked again in the next round; others of this process say so. */
static void *run(void *cls)
{
    struct iqm_erasure_keeper *keeper = cls;
    char since[IQM_UUID_TEXT];

    for (wait_for_round(keeper); !atomic_load(&keeper->stopping); wait_for_round(keeper)) {
        first_id(since);
        agree(keeper->config, since, &keeper->stopping);
    }
    return NULL;
}

struct iqm_erasure_keeper *iqm_erasure_keeper_start(const struct iqm_config *config)
{
    struct iqm_erasure_keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL)
        return NULL;
    keeper->config = config;
    if (iqm_thread_start(&keeper->thread, run, keeper) == 0)
        return keeper;
    free(keeper);
    return NULL;
}

void iqm_erasure_keeper_stop(struct iqm_erasure_keeper *keeper)
{
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->thread.mutex);
    atomic_store(&keeper->stopping, true);
    pthread_cond_broadcast(&keeper->thread.changed);
    pthread_mutex_unlock(&keeper->thread.mutex);
    iqm_thread_join(&keeper->thread);
    free(keeper);
}
