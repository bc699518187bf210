/* `iqmd migrate`: brings the database to the schema this program needs. */
#include "cli.h"
#include "iqm/migrations.h"

#include <stdlib.h>

static const struct cli_verb verbs[] = {{"", "",
    "Brings the database to the schema this program needs; does nothing where it is there.\n"
    "IQM_OWNER_DATABASE_URL names the database, as its owner.",
    0}};
static const struct cli_command command = {"migrate", "", verbs, IQM_LENGTH(verbs)};

int cli_migrate(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL || iqm_migrations_apply(connection, stdout, stderr) != 0 ||
        cli_write_places(connection) != 0)
        return EXIT_FAILURE;
    printf("The database is at migration %d.\n", iqm_migrations_newest());
    return EXIT_SUCCESS;
}
