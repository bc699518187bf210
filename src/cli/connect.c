/* What the operator's commands share: a blocking connection as the owner of the database. */
#include "cli.h"

#include <string.h>

void cli_finish_connection(PGconn **connection)
{
    PQfinish(*connection);
}

void cli_clear_result(PGresult **result)
{
    PQclear(*result);
}

PGconn *cli_connect_owner(const struct iqm_config *config)
{
    const char *keywords[] = {"dbname", "fallback_application_name", "connect_timeout", NULL};
    const char *values[] = {config->owner_database_url, "iqmd", "10", NULL};

    if (*config->owner_database_url == '\0') {
        fprintf(stderr, "Set IQM_OWNER_DATABASE_URL or IQM_DATABASE_URL: which database?\n");
        return NULL;
    }
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(connection) == CONNECTION_OK)
        return connection;
    fprintf(stderr, "The database cannot be reached: %s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}
