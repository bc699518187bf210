/*
 * The thread that sends mail. Takes one mail at a time: so a lease need only outlast one sending,
 * and what this process had in hand when it died waits no longer than that. Must not give up on a
 * database or mail server that is away, nor hold up the end of the server, nor say anything about
 * anybody in the log.
 */
#include "iqm/mailer.h"

#include "iqm/ask.h"
#include "iqm/log.h"
#include "iqm/thread.h"
#include "letter.h"

#include <curl/curl.h>
#include <stdlib.h>

#define LOOK_EVERY_MS 1000
#define TEND_EVERY_MS 10000
#define BACK_OFF_DOUBLINGS 8  /* to about four minutes */
#define LEASE_BEYOND_S 60     /* the time a sending may take: for database and keys */
#define MAIL_MEMORY (1 << 20) /* for one mail */

struct iqm_mailer {
    struct mail_settings settings;
    struct iqm_thread thread;
    atomic_bool stopping;
    atomic_uint_fast64_t waiting;
    struct mail_keys keys; /* of the thread */
    PGconn *connection;    /* of the thread; NULL when not connected */
    uint64_t tended_ms;    /* 0: not yet */
    unsigned failures;     /* of the database, in a row */
    unsigned refusals;     /* of the mail server, in a row */
    uint64_t pause_ms;     /* after the last of those */
};

/* How the round goes on after one mail. */
enum verdict { NEXT, NONE, AWAY, LOST };

static bool is_stopping(const struct iqm_mailer *mailer)
{
    return atomic_load(&mailer->stopping);
}

static void log_outcome(
    const struct mail *mail, const struct mail_report *report, bool failed, uint64_t pause_ms)
{
    bool bad = failed || report->outcome == MAIL_AGAIN;
    const char *event = report->outcome == MAIL_SENT ? "mail_sent"
                        : failed                     ? "mail_failed"
                                                     : "mail_waits";
    struct iqm_log_line line;

    iqm_log_begin(&line, bad ? IQM_LOG_ERROR : IQM_LOG_INFO, event);
    iqm_log_string(&line, "id", mail->id);
    iqm_log_string(&line, "kind", mail->kind);
    iqm_log_number(&line, "attempt", mail->attempt);
    iqm_log_string(&line, "reason", report->error);
    if (report->reply > 0)
        iqm_log_number(&line, "reply", report->reply);
    if (pause_ms > 0)
        iqm_log_number(&line, "wait_ms", (int64_t)pause_ms);
    iqm_log_end(&line);
}

/* Nobody knows any more what became of a mail whose outcome cannot be entered: it is sent again. */
static enum verdict settle(
    struct iqm_mailer *mailer, const struct mail *mail, const struct mail_report *report)
{
    bool failed = false;
    bool away = report->outcome == MAIL_AGAIN;
    int error = outbox_settle(mailer->connection, mail, report, &mailer->stopping, &failed);

    if (error != 0 && error != IQM_ENOTFOUND)
        return LOST;
    mailer->refusals = away ? mailer->refusals + 1 : 0;
    mailer->pause_ms = away ? iqm_thread_back_off(mailer->refusals, BACK_OFF_DOUBLINGS) : 0;
    log_outcome(mail, report, failed, mailer->pause_ms);
    return away ? AWAY : NEXT;
}

static struct mail_report send_mail(
    struct iqm_mailer *mailer, struct iqm_arena *arena, const struct mail *mail)
{
    IQM_CLEANUP(letter_free) struct letter letter = {0};
    struct mail_report report;

    if (letter_write(&mailer->settings, &mailer->keys, arena, mail, &letter, &report) != 0)
        return report;
    return mail_smtp_send(&mailer->settings, letter.address,
        (struct iqm_slice){letter.bytes, letter.length}, &mailer->stopping);
}

static enum verdict send_next(struct iqm_mailer *mailer)
{
    int64_t lease_s = mailer->settings.config->smtp_timeout + LEASE_BEYOND_S;
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(MAIL_MEMORY);
    struct mail mail;

    if (arena == NULL)
        return LOST;
    int error = outbox_take(mailer->connection, lease_s, arena, &mailer->stopping, &mail);
    if (error == IQM_ENOTFOUND)
        return NONE;
    if (error != 0)
        return LOST;
    struct mail_report report = send_mail(mailer, arena, &mail);
    return settle(mailer, &mail, &report);
}

static uint64_t fail(struct iqm_mailer *mailer)
{
    struct iqm_log_line line;

    PQfinish(mailer->connection);
    mailer->connection = NULL;
    mailer->failures++;
    uint64_t pause_ms = iqm_thread_back_off(mailer->failures, BACK_OFF_DOUBLINGS);
    iqm_log_begin(&line, IQM_LOG_ERROR, "mail_retry");
    iqm_log_number(&line, "wait_ms", (int64_t)pause_ms);
    iqm_log_end(&line);
    return pause_ms;
}

static int tend(struct iqm_mailer *mailer)
{
    uint64_t now = iqm_clock_ms(), waiting = 0;

    if (mailer->tended_ms != 0 && now - mailer->tended_ms < TEND_EVERY_MS)
        return 0;
    int error = outbox_tend(mailer->connection, &mailer->stopping, &waiting);
    if (error != 0)
        return error;
    mailer->tended_ms = now;
    atomic_store(&mailer->waiting, waiting);
    return 0;
}

/* One round; how long to wait for the next. */
static uint64_t work(struct iqm_mailer *mailer)
{
    enum verdict verdict = NEXT;

    if (mailer->connection == NULL)
        mailer->connection = iqm_ask_connect(mailer->settings.config,
            mailer->settings.config->database_url, "iqmd mail", &mailer->stopping);
    if (mailer->connection == NULL || tend(mailer) != 0)
        return fail(mailer);
    if (!mailer->settings.sends)
        return TEND_EVERY_MS;
    while (verdict == NEXT && !is_stopping(mailer))
        verdict = tend(mailer) == 0 ? send_next(mailer) : LOST;
    if (verdict == LOST)
        return fail(mailer);
    mailer->failures = 0;
    return verdict == AWAY ? mailer->pause_ms : LOOK_EVERY_MS;
}

static void wait_ms(struct iqm_mailer *mailer, uint64_t ms)
{
    struct timespec until = iqm_thread_after_ms(ms);
    int error = 0;

    pthread_mutex_lock(&mailer->thread.mutex);
    while (error == 0 && !is_stopping(mailer))
        error = pthread_cond_timedwait(&mailer->thread.changed, &mailer->thread.mutex, &until);
    pthread_mutex_unlock(&mailer->thread.mutex);
}

static void *run(void *cls)
{
    struct iqm_mailer *mailer = cls;

    while (!is_stopping(mailer))
        wait_ms(mailer, work(mailer));
    mail_keys_close(&mailer->keys);
    PQfinish(mailer->connection);
    mailer->connection = NULL;
    return NULL;
}

int iqm_mailer_check(const struct iqm_config *config, FILE *errors)
{
    struct mail_settings settings;

    return mail_settings_read(config, &settings, errors);
}

struct iqm_mailer *iqm_mailer_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    struct iqm_mailer *mailer = calloc(1, sizeof *mailer);

    if (mailer == NULL)
        return NULL;
    mailer->keys =
        (struct mail_keys){.config = config, .secrets = secrets, .stopping = &mailer->stopping};
    if (mail_settings_read(config, &mailer->settings, stderr) == 0 &&
        curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        if (iqm_thread_start(&mailer->thread, run, mailer) == 0)
            return mailer;
        curl_global_cleanup();
    }
    free(mailer);
    return NULL;
}

uint64_t iqm_mailer_waiting(const struct iqm_mailer *mailer)
{
    return mailer != NULL ? atomic_load(&mailer->waiting) : 0;
}

void iqm_mailer_stop(struct iqm_mailer *mailer)
{
    if (mailer == NULL)
        return;
    pthread_mutex_lock(&mailer->thread.mutex);
    atomic_store(&mailer->stopping, true);
    pthread_cond_broadcast(&mailer->thread.changed);
    pthread_mutex_unlock(&mailer->thread.mutex);
    iqm_thread_join(&mailer->thread);
    free(mailer);
    curl_global_cleanup();
}
