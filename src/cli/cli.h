/* The subcommands of iqmd; each returns the exit status. argv[0] is the subcommand's name. */
#ifndef IQM_CLI_H
#define IQM_CLI_H

#include "iqm/config.h"

#include <libpq-fe.h>

#define EXIT_USAGE 2

int cli_audit(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_migrate(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_client(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_user(int argc, char **argv);

/* Connects as the owner, blocking. NULL after saying why not. Ended by PQfinish. */
PGconn *cli_connect_owner(const struct iqm_config *config);

/* For IQM_CLEANUP. */
void cli_finish_connection(PGconn **connection);
void cli_clear_result(PGresult **result);

#endif
