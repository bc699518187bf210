/* What the operator's commands share: a blocking connection as the owner of the database. */
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
