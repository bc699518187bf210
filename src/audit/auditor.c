/*
 * The thread that seals the audit log and signs checkpoints. Every instance of the server has one:
 * the database lets one at a time seal. Must not give up on a database that is away, nor hold up
 * the end of the server.
 */
#include "iqm/ask.h"
#include "iqm/audit.h"
#include "iqm/log.h"
#include "iqm/thread.h"

#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_EVERY_MS 1000
#define ROUND_RECORDS "10000" /* sealed in one transaction, at most */
#define CHECKPOINT_EVERY_S 10.0
#define BACK_OFF_DOUBLINGS 5 /* to about half a minute */

struct iqm_auditor {
    const struct iqm_config *config;
    struct iqm_thread thread;
    atomic_bool stopping;
    PGconn *connection; /* of the thread; NULL when not connected */
    unsigned failures;  /* in a row */
};

/* What seal_audit answers. */
struct end {
    int64_t sealed, number, signed_number;
    double signed_seconds_ago;
    uint8_t hash[IQM_AUDIT_HASH];
};

static bool is_stopping(const struct iqm_auditor *auditor)
{
    return atomic_load(&auditor->stopping);
}

static double double_at(const PGresult *rows, int column)
{
    int64_t bits = iqm_ask_int64(rows, column);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static int seal(struct iqm_auditor *auditor, struct end *ret_end)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(auditor->connection,
        "SELECT sealed::bigint, number, signed_number, signed_seconds_ago, hash "
        "FROM seal_audit(" ROUND_RECORDS ")",
        0, NULL, NULL, NULL, &auditor->stopping);

    if (PQntuples(rows) != 1 || PQgetlength(rows, 0, 4) != IQM_AUDIT_HASH)
        return IQM_EPG;
    ret_end->sealed = iqm_ask_int64(rows, 0);
    ret_end->number = iqm_ask_int64(rows, 1);
    ret_end->signed_number = iqm_ask_int64(rows, 2);
    ret_end->signed_seconds_ago = double_at(rows, 3);
    memcpy(ret_end->hash, PQgetvalue(rows, 0, 4), IQM_AUDIT_HASH);
    return 0;
}

/* A copy of every checkpoint goes to the log, so that one lives outside the database. */
static void log_checkpoint(const struct iqm_checkpoint *checkpoint)
{
    char hex[2 * IQM_AUDIT_SIGNATURE + 1];
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_INFO, "audit_checkpoint");
    iqm_log_number(&line, "number", checkpoint->number);
    iqm_log_string(&line, "at", checkpoint->at);
    sodium_bin2hex(hex, sizeof hex, checkpoint->hash, IQM_AUDIT_HASH);
    iqm_log_string(&line, "hash", hex);
    sodium_bin2hex(hex, sizeof hex, checkpoint->public_key, IQM_AUDIT_KEY);
    iqm_log_string(&line, "public_key", hex);
    sodium_bin2hex(hex, sizeof hex, checkpoint->signature, IQM_AUDIT_SIGNATURE);
    iqm_log_string(&line, "signature", hex);
    iqm_log_end(&line);
}

static int sign(struct iqm_auditor *auditor, const struct end *end)
{
    struct iqm_checkpoint checkpoint = {.number = end->number};
    uint64_t number = htobe64((uint64_t)end->number);
    const char *values[] = {(const char *)&number, checkpoint.at, (const char *)checkpoint.hash,
        (const char *)checkpoint.public_key, (const char *)checkpoint.signature};
    const int lengths[] = {sizeof number, 0, IQM_AUDIT_HASH, IQM_AUDIT_KEY, IQM_AUDIT_SIGNATURE};
    const int formats[] = {1, 0, 1, 1, 1};

    iqm_time_now(checkpoint.at);
    memcpy(checkpoint.hash, end->hash, IQM_AUDIT_HASH);
    iqm_checkpoint_sign(&checkpoint, auditor->config->signing_key_bytes);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(auditor->connection,
        "SELECT add_checkpoint($1::bigint, $2::timestamptz, $3::bytea, $4::bytea, $5::bytea)", 5,
        values, lengths, formats, &auditor->stopping);
    if (PQntuples(rows) != 1)
        return IQM_EPG;
    if (PQgetvalue(rows, 0, 0)[0] != 0)
        log_checkpoint(&checkpoint);
    return 0;
}

/* Seals what there is. Where the server stops, the last hash is signed however fresh the one before
 * it is. */
static int seal_and_sign(struct iqm_auditor *auditor)
{
    struct end end;
    int error;

    do
        error = seal(auditor, &end);
    while (error == 0 && end.sealed == atoi(ROUND_RECORDS) && !is_stopping(auditor));
    if (error != 0 || end.number == end.signed_number)
        return error;
    if (!is_stopping(auditor) && end.signed_seconds_ago < CHECKPOINT_EVERY_S)
        return 0;
    return sign(auditor, &end);
}

static uint64_t fail(struct iqm_auditor *auditor)
{
    uint64_t pause_ms = iqm_thread_back_off(++auditor->failures, BACK_OFF_DOUBLINGS);
    struct iqm_log_line line;

    PQfinish(auditor->connection);
    auditor->connection = NULL;
    iqm_log_begin(&line, IQM_LOG_ERROR, "audit_retry");
    iqm_log_number(&line, "wait_ms", (int64_t)pause_ms);
    iqm_log_end(&line);
    return pause_ms;
}

/* One round; how long to wait for the next. */
static uint64_t work(struct iqm_auditor *auditor)
{
    if (auditor->connection == NULL)
        auditor->connection = iqm_ask_connect(
            auditor->config, auditor->config->database_url, "iqmd audit", &auditor->stopping);
    if (auditor->connection == NULL || seal_and_sign(auditor) != 0)
        return fail(auditor);
    auditor->failures = 0;
    return ROUND_EVERY_MS;
}

static void wait_ms(struct iqm_auditor *auditor, uint64_t ms)
{
    struct timespec until = iqm_thread_after_ms(ms);
    int error = 0;

    pthread_mutex_lock(&auditor->thread.mutex);
    while (error == 0 && !is_stopping(auditor))
        error = pthread_cond_timedwait(&auditor->thread.changed, &auditor->thread.mutex, &until);
    pthread_mutex_unlock(&auditor->thread.mutex);
}

/* A database that was away a moment ago is not waited for at the end: the next start seals. */
static void *run(void *cls)
{
    struct iqm_auditor *auditor = cls;

    while (!is_stopping(auditor))
        wait_ms(auditor, work(auditor));
    if (auditor->connection != NULL)
        work(auditor);
    PQfinish(auditor->connection);
    auditor->connection = NULL;
    return NULL;
}

struct iqm_auditor *iqm_auditor_start(const struct iqm_config *config)
{
    struct iqm_auditor *auditor = calloc(1, sizeof *auditor);

    if (auditor == NULL)
        return NULL;
    auditor->config = config;
    if (iqm_thread_start(&auditor->thread, run, auditor) == 0)
        return auditor;
    free(auditor);
    return NULL;
}

void iqm_auditor_stop(struct iqm_auditor *auditor)
{
    if (auditor == NULL)
        return;
    pthread_mutex_lock(&auditor->thread.mutex);
    atomic_store(&auditor->stopping, true);
    pthread_cond_broadcast(&auditor->thread.changed);
    pthread_mutex_unlock(&auditor->thread.mutex);
    iqm_thread_join(&auditor->thread);
    free(auditor);
}
