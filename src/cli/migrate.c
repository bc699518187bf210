/* `iqmd migrate`: brings both databases to the schema this program needs. */
#include "contract_tables.h"
#include "iqm/migrations.h"
#include "keys.h"

#include <stdlib.h>

static const struct cli_verb verbs[] = {{"", "",
    "Brings the database and the key database to the schema this program needs; does nothing "
    "where\n"
    "it is there. IQM_OWNER_DATABASE_URL and IQM_OWNER_KEY_DATABASE_URL name them, as their "
    "owner;\n"
    "IQM_KEY_DATABASE_URL and IQM_MASTER_KEY are needed to seal what was stored in clear before.",
    0}};
static const struct cli_command command = {"migrate", "", verbs, IQM_LENGTH(verbs)};

static int migrate(const struct iqm_config *config)
{
    IQM_CLEANUP(cli_finish_connection) PGconn *keys = cli_connect_key_owner(config);
    IQM_CLEANUP(cli_finish_connection)
    PGconn *connection = keys != NULL ? cli_connect_owner(config) : NULL;

    if (connection == NULL || iqm_migrations_apply(keys, iqm_key_migrations, stdout, stderr) != 0)
        return EXIT_FAILURE;
    IQM_CLEANUP(iqm_keyring_closep)
    struct iqm_keyring *keyring = iqm_keyring_open(config, stderr);
    if (keyring == NULL || iqm_migrations_apply(connection, iqm_migrations, stdout, stderr) != 0 ||
        cli_write_places(connection) != 0 || cli_write_rules(connection) != 0 ||
        cli_seal_documents(connection, keyring) != 0)
        return EXIT_FAILURE;
    printf("The database is at migration %d, the key database at %d.\n",
        iqm_migrations_newest(iqm_migrations), iqm_migrations_newest(iqm_key_migrations));
    return EXIT_SUCCESS;
}

int cli_migrate(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    return migrate(&config);
}
