/* What the operator's commands share: blocking connections, as the owner or as the server. */
#include "iqm/ask.h"
#include "keys.h"

#include <string.h>

void cli_finish_connection(PGconn **connection)
{
    PQfinish(*connection);
}

void cli_clear_result(PGresult **result)
{
    PQclear(*result);
}

static PGconn *connect_to(const char *url, const char *which)
{
    const char *keywords[] = {"dbname", "fallback_application_name", "connect_timeout", NULL};
    const char *values[] = {url, "iqmd", "10", NULL};

    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) == CONNECTION_OK)
        return connection;
    fprintf(stderr, "The %s cannot be reached: %s", which, PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

PGconn *cli_connect_owner(const struct iqm_config *config)
{
    if (*config->owner_database_url != '\0')
        return connect_to(config->owner_database_url, "database");
    fprintf(stderr, "Set IQM_OWNER_DATABASE_URL or IQM_DATABASE_URL: which database?\n");
    return NULL;
}

PGconn *cli_connect_key_owner(const struct iqm_config *config)
{
    if (*config->owner_key_database_url != '\0')
        return connect_to(config->owner_key_database_url, "key database");
    fprintf(stderr, "Set IQM_OWNER_KEY_DATABASE_URL or IQM_KEY_DATABASE_URL: which database holds "
                    "the keys?\n");
    return NULL;
}

int cli_connect_both(const struct iqm_config *config, const char *url, const char *name,
    PGconn **ret_connection, PGconn **ret_keys)
{
    static const atomic_bool never = false;

    *ret_keys = NULL;
    *ret_connection = iqm_ask_connect(config, url, name, &never);
    if (*ret_connection != NULL)
        *ret_keys = iqm_key_connect(config, name, &never);
    if (*ret_keys != NULL)
        return 0;
    fprintf(stderr, "The %s cannot be reached, or has no role for the server.\n",
        *ret_connection == NULL ? "database" : "key database");
    return IQM_EPG;
}
