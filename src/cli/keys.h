/* What the operator's commands do with the key database. */
#ifndef IQM_CLI_KEYS_H
#define IQM_CLI_KEYS_H

#include "cli.h"
#include "iqm/keyring.h"

/* Connects to the key database as its owner, blocking. NULL after saying why not. */
PGconn *cli_connect_key_owner(const struct iqm_config *config);

/* Seals the documents about people that are stored in clear, and their former versions, as the
 * owner of the main database. 0, or negative after saying why not. */
int cli_seal_documents(PGconn *connection, struct iqm_keyring *keyring);

#endif
