/* `iqmd migrate`: brings the database to the schema this program needs. */
#include "cli.h"
#include "iqm/migrations.h"

#include <stdlib.h>

int cli_migrate(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};

    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "Usage: iqmd migrate\n");
        return EXIT_USAGE;
    }
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL || iqm_migrations_apply(connection, stdout, stderr) != 0)
        return EXIT_FAILURE;
    printf("The database is at migration %d.\n", iqm_migrations_newest());
    return EXIT_SUCCESS;
}
