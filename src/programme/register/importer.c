/*
 * The thread that imports what waits in the spool, in the order it came. The row of an import
 * becomes "succeeded" in the import's own transaction, and only then its file goes: that is what
 * makes it happen once. Must not give up on a database that is away.
 */
#include "iqm/importer.h"

#include "iqm/log.h"
#include "iqm/thread.h"
#include "programme/register/spool.h"
#include "programme/register/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_MS 60000    /* for what another process left, or nobody acknowledged */
#define LOCKED_EVERY_MS 1000   /* while another process works on this spool */
#define PROGRESS_EVERY_MS 1000 /* a new version of the row, at most */
#define BACK_OFF_DOUBLINGS 5   /* to about half a minute */
#define ATTEMPTS_MAX 5         /* of one import, where the database answers but refuses */
#define CANCEL_EVERY_MS 200

struct iqm_importer {
    const struct iqm_config *config;
    struct iqm_thread thread;
    bool wanted, finished; /* under thread.mutex */
    PGcancel *cancel;      /* under thread.mutex; of `writes` */
    atomic_bool stopping;
    int spool;
    PGconn *writes, *statuses; /* of the thread; NULL when not connected */
    unsigned failures;         /* in a row */
    uint64_t pause_ms;         /* after the last of those */
    unsigned attempts;         /* of `attempted` */
    char attempted[IQM_UUID_TEXT];
};

/* What becomes of one file, and of the round through the spool. */
enum verdict { NEXT, AGAIN, STOP };

struct work {
    struct iqm_importer *importer;
    struct iqm_import_status status;
    uint64_t started, told;
    int error; /* of writing the status; 0 when there was none */
};

static bool is_stopping(struct iqm_importer *importer)
{
    return atomic_load(&importer->stopping);
}

static void set_cancel(struct iqm_importer *importer, PGcancel *cancel)
{
    pthread_mutex_lock(&importer->thread.mutex);
    PQfreeCancel(importer->cancel);
    importer->cancel = cancel;
    pthread_mutex_unlock(&importer->thread.mutex);
}

static void disconnect(struct iqm_importer *importer)
{
    set_cancel(importer, NULL);
    PQfinish(importer->writes);
    PQfinish(importer->statuses);
    importer->writes = importer->statuses = NULL;
}

static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

/* The thread acts for head office: it was asked by somebody who may. */
static PGconn *connect_as(const struct iqm_config *config, const char *name)
{
    char settings[512];
    snprintf(settings, sizeof settings,
        "-c role=%s -c search_path=public -c iqm.roles={head_office} -c statement_timeout=10s "
        "-c TimeZone=UTC -c DateStyle=ISO -c client_encoding=UTF8 -c jit=off",
        config->database_role);
    const char *keywords[] = {"dbname", "options", "application_name", "connect_timeout",
        "tcp_user_timeout", "target_session_attrs", NULL};
    const char *values[] = {config->database_url, settings, name, "5", "30000", "read-write", NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);

    PQsetNoticeProcessor(connection, ignore_notice, NULL);
    return connection;
}

static bool is_connected(const PGconn *connection)
{
    return connection != NULL && PQstatus(connection) == CONNECTION_OK;
}

static int connect_both(struct iqm_importer *importer)
{
    if (is_connected(importer->writes) && is_connected(importer->statuses))
        return 0;
    disconnect(importer);
    importer->statuses = connect_as(importer->config, "iqmd import status");
    if (!is_connected(importer->statuses))
        return IQM_EPGLOST;
    importer->writes = connect_as(importer->config, "iqmd import");
    if (!is_connected(importer->writes))
        return IQM_EPGLOST;
    set_cancel(importer, PQgetCancel(importer->writes));
    return 0;
}

static enum verdict try_again(struct iqm_importer *importer, const char *id, const char *sqlstate)
{
    struct iqm_log_line line;

    if (is_stopping(importer))
        return STOP;
    importer->failures++;
    importer->pause_ms = iqm_thread_back_off(importer->failures, BACK_OFF_DOUBLINGS);
    iqm_log_begin(&line, IQM_LOG_ERROR, "import_retry");
    iqm_log_string(&line, "id", id);
    iqm_log_string(&line, "sqlstate", *sqlstate != '\0' ? sqlstate : NULL);
    iqm_log_number(&line, "wait_ms", (int64_t)importer->pause_ms);
    iqm_log_end(&line);
    disconnect(importer);
    return AGAIN;
}

static void log_started(const struct work *work)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO, "import_started");
    iqm_log_string(&line, "id", work->status.id);
    iqm_log_string(&line, "dry_run", work->status.dry_run ? "true" : "false");
    iqm_log_end(&line);
}

static void log_finished(const struct work *work, const struct iqm_register_result *result)
{
    bool good = result->outcome == IQM_REGISTER_DONE;
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO, "import_finished");
    iqm_log_string(&line, "id", work->status.id);
    iqm_log_string(&line, "status", good ? "succeeded" : "failed");
    iqm_log_string(&line, "sqlstate", result->sqlstate[0] != '\0' ? result->sqlstate : NULL);
    iqm_log_number(&line, "rows", (int64_t)result->counts.rows);
    iqm_log_number(&line, "ms", (int64_t)(iqm_clock_ms() - work->started));
    iqm_log_end(&line);
}

static bool tell_progress(void *user, const struct iqm_register_progress *progress)
{
    struct work *work = user;
    uint64_t now = iqm_clock_ms();

    if (is_stopping(work->importer))
        return false;
    if (now - work->told < PROGRESS_EVERY_MS)
        return true;
    work->told = now;
    work->error = iqm_import_status_progress(&work->status, progress->done, &progress->counts);
    if (work->error == 0)
        work->error = iqm_import_status_write(work->importer->statuses, &work->status);
    return work->error == 0;
}

/* In the import's transaction: success becomes true with it, or not at all. */
static int before_commit(
    void *user, struct pg_conn *connection, const struct iqm_register_result *result)
{
    struct work *work = user;

    work->error = iqm_import_status_finish(&work->status, result);
    if (work->error == 0)
        work->error = iqm_import_status_write(connection, &work->status);
    return work->error;
}

/* Whether another try is promised however often it fails: the database is away, read-only for now,
 * or another process has brought the row on. */
static bool is_away(const struct work *work, const char *sqlstate, int error)
{
    return error == IQM_EPGLOST || work->error == IQM_EPGLOST || work->error == IQM_ENOTFOUND ||
           strncmp(sqlstate, "57P", 3) == 0 || strcmp(sqlstate, "25006") == 0;
}

/* Whether the same may go well in a while: conflicts, time-outs, lack of room or memory. */
static bool may_pass(const struct work *work, const char *sqlstate, int error)
{
    static const char *const classes[] = {"40", "53", "55", "57", "23505"};

    if (error == IQM_EIO || error == IQM_ENOMEM || work->error != 0)
        return true;
    for (size_t i = 0; i < IQM_LENGTH(classes); i++) {
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
            return true;
    }
    return false;
}

static bool count_attempt(struct iqm_importer *importer, const char *id)
{
    if (strcmp(importer->attempted, id) != 0)
        importer->attempts = 0;
    snprintf(importer->attempted, sizeof importer->attempted, "%s", id);
    return ++importer->attempts < ATTEMPTS_MAX;
}

static void remove_file(struct iqm_importer *importer, const char *id)
{
    iqm_spool_remove(importer->spool, id);
    importer->failures = 0;
}

/* Enters the outcome where the transaction has not done so itself; then the file may go. */
static enum verdict settle(struct work *work, const struct iqm_register_result *result)
{
    struct iqm_importer *importer = work->importer;
    bool entered = result->outcome == IQM_REGISTER_DONE && !work->status.dry_run;
    int error = 0;

    if (!entered)
        error = iqm_import_status_finish(&work->status, result);
    if (!entered && error == 0)
        error = iqm_import_status_write(importer->statuses, &work->status);
    if (error != 0)
        return try_again(importer, work->status.id, "");
    log_finished(work, result);
    remove_file(importer, work->status.id);
    return NEXT;
}

static enum verdict conclude(struct work *work, const struct iqm_register_result *result, int error)
{
    struct iqm_importer *importer = work->importer;
    char id[IQM_UUID_TEXT];

    memcpy(id, work->status.id, sizeof id);
    if (result->outcome == IQM_REGISTER_DONE || result->outcome == IQM_REGISTER_REFUSED)
        return settle(work, result);
    if (is_stopping(importer))
        return STOP;
    if (is_away(work, result->sqlstate, error))
        return try_again(importer, id, result->sqlstate);
    if (may_pass(work, result->sqlstate, error) && count_attempt(importer, id))
        return try_again(importer, id, result->sqlstate);
    /* The status may have failed midway: it is told anew from what the row says. */
    iqm_import_status_free(&work->status);
    if (iqm_import_status_load(importer->statuses, id, &work->status) != 0)
        return try_again(importer, id, "");
    return settle(work, result);
}

static enum verdict import_file(struct work *work, int file)
{
    struct iqm_register_job job = {
        .fd = file,
        .connection = work->importer->writes,
        .actor = work->status.actor[0] != '\0' ? work->status.actor : NULL,
        .dry_run = work->status.dry_run,
        .progress = tell_progress,
        .before_commit = before_commit,
        .user = work,
    };
    struct iqm_register_result result;

    work->started = work->told = iqm_clock_ms();
    log_started(work);
    int error = iqm_register_import(&job, &result);
    enum verdict verdict = conclude(work, &result, error);
    iqm_register_result_free(&result);
    return verdict;
}

static enum verdict start_import(struct work *work)
{
    struct iqm_importer *importer = work->importer;
    char name[IQM_SPOOL_NAME];

    iqm_spool_name(work->status.id, IQM_SPOOL_WHOLE, name);
    IQM_CLEANUP(iqm_close_fd)
    int file = openat(importer->spool, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int error = file >= 0 ? iqm_import_status_start(&work->status) : IQM_EIO;
    if (error == 0)
        error = iqm_import_status_write(importer->statuses, &work->status);
    return error == 0 ? import_file(work, file) : try_again(importer, work->status.id, "");
}

/* A file whose row is missing was not acknowledged, or is about to be. */
static enum verdict pass_over(struct iqm_importer *importer, const char *id)
{
    char name[IQM_SPOOL_NAME];

    iqm_spool_name(id, IQM_SPOOL_WHOLE, name);
    if (iqm_spool_is_stale(importer->spool, name))
        remove_file(importer, id);
    return NEXT;
}

static enum verdict take_up(struct iqm_importer *importer, const char *id)
{
    struct work work = {.importer = importer};
    enum verdict verdict = NEXT;
    int error = connect_both(importer);

    if (error == 0)
        error = iqm_import_status_load(importer->statuses, id, &work.status);
    if (error == IQM_ENOTFOUND)
        verdict = pass_over(importer, id);
    else if (error != 0)
        verdict = try_again(importer, id, "");
    else if (work.status.finished)
        remove_file(importer, id);
    else
        verdict = start_import(&work);
    iqm_import_status_free(&work.status);
    return verdict;
}

/* One round through the spool; returns how long to wait for the next. */
static uint64_t work_through(struct iqm_importer *importer)
{
    IQM_CLEANUP(iqm_close_fd) int lock = iqm_spool_lock(importer->spool);
    char id[IQM_UUID_TEXT] = "";
    enum verdict verdict = NEXT;

    if (lock < 0)
        return LOCKED_EVERY_MS;
    iqm_spool_sweep(importer->spool);
    while (
        verdict == NEXT && !is_stopping(importer) && iqm_spool_next(importer->spool, id, id) == 0)
        verdict = take_up(importer, id);
    disconnect(importer);
    return verdict == AGAIN ? importer->pause_ms : LOOK_EVERY_MS;
}

/* A new file does not cut short a wait for the database: it could only come to nothing, too. */
static void wait_for_work(struct iqm_importer *importer, uint64_t ms)
{
    struct timespec until = iqm_thread_after_ms(ms);
    bool patient = ms != LOOK_EVERY_MS;
    int error = 0;

    pthread_mutex_lock(&importer->thread.mutex);
    while (error == 0 && !is_stopping(importer) && (patient || !importer->wanted))
        error = pthread_cond_timedwait(&importer->thread.changed, &importer->thread.mutex, &until);
    importer->wanted = false;
    pthread_mutex_unlock(&importer->thread.mutex);
}

static void *run(void *cls)
{
    struct iqm_importer *importer = cls;

    while (!is_stopping(importer))
        wait_for_work(importer, work_through(importer));
    pthread_mutex_lock(&importer->thread.mutex);
    importer->finished = true;
    pthread_cond_broadcast(&importer->thread.changed);
    pthread_mutex_unlock(&importer->thread.mutex);
    return NULL;
}

static void free_importer(struct iqm_importer *importer)
{
    iqm_close_fd(&importer->spool);
    free(importer);
}

struct iqm_importer *iqm_importer_start(const struct iqm_config *config)
{
    struct iqm_importer *importer = calloc(1, sizeof *importer);

    if (importer == NULL)
        return NULL;
    importer->config = config;
    importer->spool = iqm_spool_open(config->spool_dir);
    if (importer->spool < 0) {
        iqm_log_event(IQM_LOG_ERROR, "spool_not_opened", "reason", strerror(errno));
        free(importer);
        return NULL;
    }
    if (iqm_thread_start(&importer->thread, run, importer) == 0)
        return importer;
    free_importer(importer);
    return NULL;
}

void iqm_importer_wake(struct iqm_importer *importer)
{
    if (importer == NULL)
        return;
    pthread_mutex_lock(&importer->thread.mutex);
    importer->wanted = true;
    pthread_cond_broadcast(&importer->thread.changed);
    pthread_mutex_unlock(&importer->thread.mutex);
}

/* A statement that waits, perhaps for another import, is told to end; more than once, as the thread
 * may be just about to send it. */
static void interrupt(struct iqm_importer *importer)
{
    char ignored[256];

    pthread_mutex_lock(&importer->thread.mutex);
    while (!importer->finished) {
        if (importer->cancel != NULL)
            PQcancel(importer->cancel, ignored, sizeof ignored);
        struct timespec until = iqm_thread_after_ms(CANCEL_EVERY_MS);
        pthread_cond_timedwait(&importer->thread.changed, &importer->thread.mutex, &until);
    }
    pthread_mutex_unlock(&importer->thread.mutex);
}

void iqm_importer_stop(struct iqm_importer *importer)
{
    if (importer == NULL)
        return;
    pthread_mutex_lock(&importer->thread.mutex);
    atomic_store(&importer->stopping, true);
    pthread_cond_broadcast(&importer->thread.changed);
    pthread_mutex_unlock(&importer->thread.mutex);
    interrupt(importer);
    iqm_thread_join(&importer->thread);
    free_importer(importer);
}
