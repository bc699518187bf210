/* Before the first request: both databases answer, and agree about who was erased. */
#include "iqm/erasure.h"
#include "iqm/log.h"

#include <stdio.h>
#include <time.h>

#define AGAIN_MS 300

static PGconn *connect_as_server(const struct iqm_config *config)
{
    char settings[200];

    snprintf(settings, sizeof settings,
        "-c role=%s -c search_path=public -c TimeZone=UTC -c DateStyle=ISO "
        "-c client_encoding=UTF8 -c jit=off",
        config->database_role);
    const char *keywords[] = {
        "dbname", "options", "application_name", "connect_timeout", "target_session_attrs", NULL};
    const char *values[] = {
        config->database_url, settings, "iqmd erasures", "10", "read-write", NULL};
    return PQconnectdbParams(keywords, values, 1);
}

static int try_to_agree(
    const struct iqm_config *config, struct iqm_keyring *keyring, unsigned *ret_repeated)
{
    static const atomic_bool never = false;
    PGconn *connection = connect_as_server(config);
    int error =
        PQstatus(connection) != CONNECTION_OK
            ? IQM_EPGLOST
            : iqm_erasures_agree(connection, iqm_keyring_connection(keyring), &never, ret_repeated);

    PQfinish(connection);
    if (error == IQM_EPGLOST)
        iqm_keyring_renew(keyring);
    return error;
}

static void log_repeated(unsigned repeated)
{
    struct iqm_log_line line;

    if (repeated == 0)
        return;
    iqm_log_begin(&line, IQM_LOG_INFO, "erasures_repeated");
    iqm_log_number(&line, "count", (int64_t)repeated);
    iqm_log_end(&line);
}

int iqm_erasures_await(const struct iqm_config *config, struct iqm_keyring *keyring)
{
    static const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    unsigned repeated = 0;
    bool said = false;
    int error;

    while ((error = try_to_agree(config, keyring, &repeated)) == IQM_EPGLOST) {
        if (!said)
            iqm_log_event(IQM_LOG_ERROR, "database_awaited", NULL, NULL);
        said = true;
        nanosleep(&pause, NULL);
    }
    if (error == 0)
        log_repeated(repeated);
    return error;
}
