/* Documents that an operator's command makes and changes, in one transaction, as head office would.
 * Everything here says on standard error what went wrong. */
#ifndef IQM_CLI_DOCUMENTS_H
#define IQM_CLI_DOCUMENTS_H

#include "iqm/auth.h"
#include "iqm/ids.h"
#include "keys.h"

#include <jansson.h>

/*
 * Begins a transaction that the audit log knows as `operation`; in the server's role (as head
 * office: row-level security holds) or as the owner. 0 or IQM_EPG.
 */
int cli_begin(PGconn *connection, const struct iqm_config *config, const char *operation);
int cli_begin_as_owner(PGconn *connection, const char *operation);

/* 0 or IQM_EPG. */
int cli_commit(PGconn *connection);

/* Runs a statement with text parameters. The result is the caller's; NULL when it failed. */
PGresult *cli_run(PGconn *connection, const char *sql, unsigned count, const char *const *values);

/* The same with the keyed hash of a secret as the parameter after the id. */
PGresult *cli_run_with_secret(PGconn *connection, const struct iqm_config *config, const char *sql,
    const char *id, const char *secret);

/*
 * Stores a new document, held to the contract and the resource's rules as over the API. `members`
 * (taken; NULL is memory that ran out) are those a client would send; the keyring is for records
 * about people, and may be NULL for others. 0, IQM_EPROBLEM or IQM_EPG.
 */
int cli_create(PGconn *connection, struct iqm_keyring *keyring, const char *resource,
    json_t *members, char ret_id[static IQM_UUID_TEXT]);

/* The contract ready for validation; false after saying why not. Ended by cli_close_contract. */
bool cli_open_contract(void);
void cli_close_contract(void);

/* For IQM_CLEANUP. */
void cli_drop_json(json_t **value);

/* Whether tokens and other secrets can be hashed. */
bool cli_has_key(const struct iqm_config *config);

#endif
