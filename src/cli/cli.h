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
int cli_erasure(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_retention(int argc, char **argv);
int cli_client(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_user(int argc, char **argv);

/* One form of a subcommand. */
struct cli_verb {
    const char *name;      /* "" where the subcommand has no other */
    const char *arguments; /* as its usage shows them; "": none */
    const char *help;      /* what it does, and its options */
    int operands;          /* how many arguments, 0 or 1; or CLI_OPTIONS */
};

#define CLI_OPTIONS (-1) /* the verb reads its arguments itself */

struct cli_command {
    const char *name, *help;
    const struct cli_verb *verbs;
    size_t verb_count;
};

/*
 * The verb that the arguments name, which has as many as it takes. NULL after help was printed or
 * something was wrong: `ret_status` is what to exit with.
 */
const struct cli_verb *cli_read_verb(
    const struct cli_command *command, int argc, char **argv, int *ret_status);

/* Says where to read how a verb is used, after what was wrong has been said (or, with _count, that
 * it was the number of arguments). The status of wrong usage. */
int cli_wrong(const struct cli_command *command, const struct cli_verb *verb);
int cli_wrong_count(const struct cli_command *command, const struct cli_verb *verb);

/* Connects as the owner, blocking. NULL after saying why not. Ended by PQfinish. */
PGconn *cli_connect_owner(const struct iqm_config *config);

/* Connections for iqm/ask.h, to the database of this URL and to the keys. 0, or IQM_EPG after
 * saying which is away; what was opened is the caller's in either case, the others are NULL. */
int cli_connect_both(const struct iqm_config *config, const char *url, const char *name,
    PGconn **ret_connection, PGconn **ret_keys);

/* Writes the contract's places of personal data into the database, in a transaction of its own. 0,
 * or negative after saying why not. */
int cli_write_places(PGconn *connection);

/* How many faults it told: places that the database has otherwise, or that do not fit its tables.
 */
int cli_check_places(PGconn *connection);

/* The same with the contract's rules of retention. */
int cli_write_rules(PGconn *connection);
int cli_check_rules(PGconn *connection);

/* For IQM_CLEANUP. */
void cli_finish_connection(PGconn **connection);
void cli_clear_result(PGresult **result);

#endif
