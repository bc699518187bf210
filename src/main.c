/* iqmd: one program, a subcommand for each thing it does. */
#include "cli/cli.h"
#include "contract_tables.h"
#include "iqm/register.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"audit", cli_audit, "verify the audit log, and show its checkpoints"},
    {"check", cli_check, "hold contract, migrations and statements against the database"},
    {"client", cli_client, "register, list and remove programs of third parties"},
    {"erasure", cli_erasure, "verify the certificate of an erasure"},
    {"export", cli_export, "write the whole programme into a file"},
    {"import", iqm_cli_import, "bring in the register of schools"},
    {"keys", cli_keys, "wrap the keys of people under another master key"},
    {"migrate", cli_migrate, "bring the database to the schema this program needs"},
    {"retention", cli_retention, "delete and erase what has outlived its time"},
    {"serve", cli_serve, "serve the API"},
    {"token", cli_token, "issue, list and revoke bearer tokens"},
    {"user", cli_user, "invite, list, suspend and reset accounts of people"},
};

static int usage(FILE *out, int status)
{
    fprintf(out, "Usage: iqmd COMMAND [ARGUMENT …]\n\n");
    for (size_t i = 0; i < IQM_LENGTH(commands); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\niqmd serve --help lists every setting.\n");
    return status;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        fprintf(stderr, "libsodium cannot start: no source of randomness.\n");
        return EXIT_FAILURE;
    }
    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, EXIT_SUCCESS);
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("iqmd %s\n", iqm_contract.version);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; argc >= 2 && i < IQM_LENGTH(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (argc >= 2)
        fprintf(stderr, "iqmd has no command %s.\n", argv[1]);
    return usage(stderr, EXIT_USAGE);
}
