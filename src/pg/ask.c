/* Waiting for PostgreSQL up to a deadline, which comes near when the server stops. */
#include "iqm/ask.h"

#include "iqm/ids.h"
#include "iqm/log.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 15000
#define PATIENCE_STOPPING_MS 2000
#define LOOK_EVERY_MS 100 /* whether the server stops */

static bool is_late(uint64_t since, const atomic_bool *stopping)
{
    uint64_t patience = atomic_load(stopping) ? PATIENCE_STOPPING_MS : PATIENCE_MS;

    return iqm_clock_ms() - since > patience;
}

static bool wait_for_socket(
    PGconn *connection, bool writing, uint64_t since, const atomic_bool *stopping)
{
    struct pollfd poller = {
        .fd = PQsocket(connection), .events = (short)(writing ? POLLOUT | POLLIN : POLLIN)};

    while (poller.fd >= 0 && !is_late(since, stopping)) {
        if (poll(&poller, 1, LOOK_EVERY_MS) > 0)
            return true;
    }
    return false;
}

static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

static PGconn *begin_connection(const struct iqm_config *config, const char *url, const char *name)
{
    char settings[512];

    snprintf(settings, sizeof settings,
        "-c role=%s -c search_path=public -c statement_timeout=10s -c TimeZone=UTC "
        "-c DateStyle=ISO -c client_encoding=UTF8 -c jit=off",
        config->database_role);
    const char *keywords[] = {
        "dbname", "options", "application_name", "tcp_user_timeout", "target_session_attrs", NULL};
    const char *values[] = {url, settings, name, "10000", "read-write", NULL};
    return PQconnectStartParams(keywords, values, 1);
}

PGconn *iqm_ask_connect(
    const struct iqm_config *config, const char *url, const char *name, const atomic_bool *stopping)
{
    uint64_t since = iqm_clock_ms();
    PGconn *connection = begin_connection(config, url, name);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;

    PQsetNoticeProcessor(connection, ignore_notice, NULL);
    while (PQstatus(connection) != CONNECTION_BAD && status != PGRES_POLLING_FAILED) {
        if (status == PGRES_POLLING_OK)
            return connection;
        if (!wait_for_socket(connection, status == PGRES_POLLING_WRITING, since, stopping))
            break;
        status = PQconnectPoll(connection);
    }
    PQfinish(connection);
    return NULL;
}

/* Sends what is queued and takes in what comes, until the next result is whole. */
static bool wait_for_result(PGconn *connection, uint64_t since, const atomic_bool *stopping)
{
    int unsent = PQflush(connection);

    while (unsent > 0 || PQisBusy(connection) == 1) {
        if (!wait_for_socket(connection, unsent > 0, since, stopping) ||
            PQconsumeInput(connection) != 1)
            return false;
        unsent = PQflush(connection);
    }
    return unsent == 0;
}

/* The message stays in the database's log. */
static void log_failure(const PGconn *connection, const PGresult *result)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, "statement_failed");
    iqm_log_string(&line, "thread", PQparameterStatus(connection, "application_name"));
    iqm_log_string(&line, "sqlstate", PQresultErrorField(result, PG_DIAG_SQLSTATE));
    iqm_log_end(&line);
}

PGresult *iqm_ask(PGconn *connection, const char *sql, int count, const char *const *values,
    const int *lengths, const int *formats, const atomic_bool *stopping)
{
    uint64_t since = iqm_clock_ms();
    PGresult *rows = NULL, *next;

    PQsetnonblocking(connection, 1);
    if (PQsendQueryParams(connection, sql, count, NULL, values, lengths, formats, 1) != 1)
        return NULL;
    while (wait_for_result(connection, since, stopping)) {
        next = PQgetResult(connection);
        if (next == NULL)
            return rows;
        PQclear(rows);
        rows = next;
        if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK) {
            log_failure(connection, rows);
            PQclear(rows);
            rows = NULL;
        }
    }
    PQclear(rows);
    return NULL;
}

bool iqm_ask_is_lost(const PGconn *connection)
{
    return PQstatus(connection) != CONNECTION_OK ||
           PQtransactionStatus(connection) == PQTRANS_ACTIVE;
}

void iqm_ask_clear(PGresult **rows)
{
    PQclear(*rows);
}

int64_t iqm_ask_int64(const PGresult *rows, int column)
{
    uint64_t bytes;

    memcpy(&bytes, PQgetvalue(rows, 0, column), sizeof bytes);
    return (int64_t)be64toh(bytes);
}
