/*
 * When the two databases are brought to agree about who was erased: before the first request, and
 * then again and again. An erasure may have been cut off between the two: by a key database that
 * went away, or by a server that was killed and whose last statement PostgreSQL carried out after
 * the next server had started. Or either database is another one now, from an older backup.
 */
#include "iqm/ask.h"
#include "iqm/erasure.h"
#include "iqm/log.h"
#include "iqm/thread.h"

#include <stdlib.h>

#define THREAD "iqmd erasures"
#define AGAIN_MS 300
#define ROUND_EVERY_MS 5000

struct iqm_erasure_keeper {
    const struct iqm_config *config;
    struct iqm_thread thread;
    atomic_bool stopping;
    struct iqm_agreement agreed; /* the last that was whole */
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

static int agree_over(const struct iqm_config *config, const struct iqm_agreement *former,
    const atomic_bool *stopping, struct iqm_agreement *agreement)
{
    PGconn *connection = connect_to(config, config->database_url, stopping);
    PGconn *keys =
        connection != NULL ? connect_to(config, config->key_database_url, stopping) : NULL;
    int error = keys != NULL ? iqm_erasures_agree(connection, keys, former, stopping, agreement)
                             : IQM_EPGLOST;

    PQfinish(keys);
    PQfinish(connection);
    return error;
}

/* What was done is told also where the rest of it failed. */
static int agree(const struct iqm_config *config, const struct iqm_agreement *former,
    const atomic_bool *stopping, struct iqm_agreement *ret_agreement)
{
    *ret_agreement = (struct iqm_agreement){0};
    int error = agree_over(config, former, stopping, ret_agreement);

    log_count("erasures_repeated", ret_agreement->repeated);
    log_count("erasures_finished", ret_agreement->finished);
    return error;
}

int iqm_erasures_await(const struct iqm_config *config, FILE *errors)
{
    static const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    static const atomic_bool never;
    struct iqm_agreement agreement;
    bool said = false;
    int error;

    while ((error = agree(config, NULL, &never, &agreement)) == IQM_EPGLOST) {
        if (!said)
            iqm_log_event(IQM_LOG_ERROR, "database_awaited", NULL, NULL);
        said = true;
        nanosleep(&pause, NULL);
    }
    if (error != 0)
        fprintf(errors, "The database does not have what the server needs: run iqmd migrate.\n");
    else if (agreement.failed > 0)
        fprintf(errors,
            "%u erasures could not be repeated: the log names them, and PostgreSQL's log what "
            "stands "
            "against them. Mend that, and start again.\n",
            agreement.failed);
    return error == 0 && agreement.failed > 0 ? IQM_EPG : error;
}

/* ---- then again and again ---- */

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
static void go_round(struct iqm_erasure_keeper *keeper)
{
    struct iqm_agreement agreement;
    int error = agree(keeper->config, &keeper->agreed, &keeper->stopping, &agreement);

    if (error == 0 && agreement.failed == 0)
        keeper->agreed = agreement;
}

static void *run(void *cls)
{
    struct iqm_erasure_keeper *keeper = cls;

    for (wait_for_round(keeper); !atomic_load(&keeper->stopping); wait_for_round(keeper))
        go_round(keeper);
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
