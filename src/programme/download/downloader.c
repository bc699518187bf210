/*
 * The thread that makes files with the whole programme, one at a time, and sees to it that what
 * their time is over for goes, key and all. Must not give up on a database that is away, nor hold
 * up the end of the server, nor say anything about anybody in the log.
 */
#include "iqm/ask.h"
#include "iqm/keyring.h"
#include "iqm/log.h"
#include "iqm/thread.h"
#include "programme/download/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "iqmd downloads"
#define LOOK_EVERY_MS 1000
#define TEND_EVERY_MS 5000
#define BACK_OFF_DOUBLINGS 6 /* to about a minute */
#define IDS_MAX 4096         /* bytes: about a hundred ids; twenty files are ready at most */

struct iqm_downloader {
    const struct iqm_config *config;
    const struct iqm_seal_secrets *secrets;
    struct iqm_thread thread;
    bool wanted; /* under thread.mutex */
    atomic_bool stopping;
    PGconn *connection; /* of the thread; NULL when not connected */
    uint64_t tended;    /* ms; 0: not yet */
    unsigned failures;  /* in a row */
};

static void finish(PGconn **connection)
{
    PQfinish(*connection);
}

static void log_job(const struct job *job, const char *event, int error)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, error == 0 ? IQM_LOG_INFO : IQM_LOG_ERROR, event);
    iqm_log_string(&line, "id", job->id);
    if (job->fault != NULL)
        iqm_log_string(&line, "reason", job->fault);
    iqm_log_number(&line, "rows", (int64_t)job->done);
    iqm_log_number(&line, "bytes", (int64_t)job->size);
    iqm_log_number(&line, "ms", (int64_t)(iqm_clock_ms() - job->started));
    iqm_log_end(&line);
}

/* ---- keys of what has gone ---- */

/* The ids of the rows of a kind, as an array; as many as have room. */
static void write_ids(const PGresult *rows, bool due, char ids[static IDS_MAX])
{
    size_t length = 1;

    ids[0] = '{';
    for (int row = 0; row < PQntuples(rows) && length + IQM_UUID_TEXT + 2 < IDS_MAX; row++) {
        if ((*PQgetvalue(rows, row, 1) != 0) == due)
            length += (size_t)snprintf(ids + length, IDS_MAX - length, "%s%.36s",
                length > 1 ? "," : "", PQgetvalue(rows, row, 0));
    }
    snprintf(ids + length, IDS_MAX - length, "}");
}

static int forget(struct iqm_downloader *downloader, const char *ids)
{
    const char *values[] = {ids};

    if (strcmp(ids, "{}") == 0)
        return 0;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *done =
        iqm_ask(downloader->connection, "SELECT forget_programme_download_keys($1::uuid[])", 1,
            values, NULL, NULL, &downloader->stopping);
    return done != NULL ? 0 : IQM_EPGLOST;
}

/* Destroys what is due; what should be there and is not has gone, too. */
static int destroy_keys(struct iqm_downloader *downloader, const char *due, const char *ready)
{
    const char *values[] = {due, ready};
    char gone[IDS_MAX];

    if (strcmp(due, "{}") == 0 && strcmp(ready, "{}") == 0)
        return 0;
    IQM_CLEANUP(finish)
    PGconn *keys = iqm_key_connect(downloader->config, NAME, &downloader->stopping);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        keys != NULL
            ? iqm_ask(keys,
                  "SELECT id::text, true FROM destroy_download_keys($1::uuid[], $2::uuid[]) AS id",
                  2, values, NULL, NULL, &downloader->stopping)
            : NULL;
    if (rows == NULL)
        return IQM_EPGLOST;
    write_ids(rows, true, gone);
    int error = forget(downloader, due);
    return error == 0 ? forget(downloader, gone) : error;
}

static int tend(struct iqm_downloader *downloader)
{
    uint64_t now = iqm_clock_ms();
    char due[IDS_MAX], ready[IDS_MAX];

    if (downloader->tended != 0 && now - downloader->tended < TEND_EVERY_MS)
        return 0;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(downloader->connection, "SELECT id::text, is_due FROM tend_programme_downloads()",
            0, NULL, NULL, NULL, &downloader->stopping);
    if (rows == NULL)
        return IQM_EPGLOST;
    write_ids(rows, true, due);
    write_ids(rows, false, ready);
    int error = destroy_keys(downloader, due, ready);
    if (error == 0)
        downloader->tended = now;
    return error;
}

/* ---- making ---- */

static int make(struct iqm_downloader *downloader, struct job *job)
{
    IQM_CLEANUP(finish)
    PGconn *reads = iqm_ask_connect(
        downloader->config, downloader->config->database_url, NAME, &downloader->stopping);
    IQM_CLEANUP(finish)
    PGconn *keys =
        reads != NULL ? iqm_key_connect(downloader->config, NAME, &downloader->stopping) : NULL;

    if (keys == NULL)
        return IQM_EPGLOST;
    job->reads = reads;
    job->keys = keys;
    return job_make(job);
}

/* The session of `connection` holds the file while it is made: so it ends with it. */
static int make_next(struct iqm_downloader *downloader)
{
    struct job job = {.config = downloader->config,
        .secrets = downloader->secrets,
        .stopping = &downloader->stopping,
        .writes = downloader->connection};
    int error = job_begin(&job);

    if (error != 0)
        return error;
    job.started = iqm_clock_ms();
    error = make(downloader, &job);
    PQfinish(downloader->connection);
    downloader->connection = NULL;
    if (error == IQM_ENOTFOUND) {
        log_job(&job, "download_dropped", 0);
        return 0;
    }
    log_job(&job, error == 0 ? "download_ready" : "download_failed", error);
    return error == IQM_ELIMIT ? 0 : error;
}

static uint64_t fail(struct iqm_downloader *downloader)
{
    uint64_t pause_ms = iqm_thread_back_off(++downloader->failures, BACK_OFF_DOUBLINGS);
    struct iqm_log_line line;

    PQfinish(downloader->connection);
    downloader->connection = NULL;
    iqm_log_begin(&line, IQM_LOG_ERROR, "download_retry");
    iqm_log_number(&line, "wait_ms", (int64_t)pause_ms);
    iqm_log_end(&line);
    return pause_ms;
}

/* One round; how long to wait for the next. */
static uint64_t work(struct iqm_downloader *downloader)
{
    int error = 0;

    if (downloader->connection == NULL)
        downloader->connection = iqm_ask_connect(
            downloader->config, downloader->config->database_url, NAME, &downloader->stopping);
    if (downloader->connection == NULL || tend(downloader) != 0)
        return fail(downloader);
    error = make_next(downloader);
    if (error != 0 && error != IQM_ENOTFOUND)
        return fail(downloader);
    downloader->failures = 0;
    return error == 0 ? 0 : LOOK_EVERY_MS;
}

static void wait_ms(struct iqm_downloader *downloader, uint64_t ms)
{
    struct timespec until = iqm_thread_after_ms(ms);
    bool patient = ms != LOOK_EVERY_MS; /* for a database that is away, whoever asks */
    int error = 0;

    pthread_mutex_lock(&downloader->thread.mutex);
    while (error == 0 && !atomic_load(&downloader->stopping) && (patient || !downloader->wanted))
        error =
            pthread_cond_timedwait(&downloader->thread.changed, &downloader->thread.mutex, &until);
    downloader->wanted = false;
    pthread_mutex_unlock(&downloader->thread.mutex);
}

static void *run(void *cls)
{
    struct iqm_downloader *downloader = cls;

    while (!atomic_load(&downloader->stopping))
        wait_ms(downloader, work(downloader));
    PQfinish(downloader->connection);
    downloader->connection = NULL;
    return NULL;
}

struct iqm_downloader *iqm_downloader_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    struct iqm_downloader *downloader = calloc(1, sizeof *downloader);

    if (downloader == NULL)
        return NULL;
    downloader->config = config;
    downloader->secrets = secrets;
    if (iqm_thread_start(&downloader->thread, run, downloader) == 0)
        return downloader;
    free(downloader);
    return NULL;
}

void iqm_downloader_wake(struct iqm_downloader *downloader)
{
    if (downloader == NULL)
        return;
    pthread_mutex_lock(&downloader->thread.mutex);
    downloader->wanted = true;
    pthread_cond_broadcast(&downloader->thread.changed);
    pthread_mutex_unlock(&downloader->thread.mutex);
}

void iqm_downloader_stop(struct iqm_downloader *downloader)
{
    if (downloader == NULL)
        return;
    pthread_mutex_lock(&downloader->thread.mutex);
    atomic_store(&downloader->stopping, true);
    pthread_cond_broadcast(&downloader->thread.changed);
    pthread_mutex_unlock(&downloader->thread.mutex);
    iqm_thread_join(&downloader->thread);
    free(downloader);
}
