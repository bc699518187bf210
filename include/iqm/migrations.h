/* Migrations: SQL files embedded in the program, applied once each, in order, by the owner. */
#ifndef IQM_MIGRATIONS_H
#define IQM_MIGRATIONS_H

#include "iqm/base.h"

#include <libpq-fe.h>
#include <stdio.h>

struct iqm_migration {
    int number;
    const char *name; /* "0001_foundation" */
    const char *sql;
};

/* Made from migrations/ and from migrations/keys/ at build time; each ends with name NULL. */
extern const struct iqm_migration iqm_migrations[];
extern const struct iqm_migration iqm_key_migrations[];

/* Number of the newest of these migrations. */
int iqm_migrations_newest(const struct iqm_migration *migrations);

/*
 * Applies what is missing, each in a transaction, under an advisory lock so that two programs can
 * start at once. Blocking; for commands. 0; IQM_EINVAL when an applied migration differs from the
 * program's; IQM_EPG. Says what it does to `out` and what went wrong to `errors`.
 */
int iqm_migrations_apply(
    PGconn *connection, const struct iqm_migration *migrations, FILE *out, FILE *errors);

/* Whether exactly the program's migrations are applied, unchanged. 0, IQM_EINVAL or IQM_EPG. */
int iqm_migrations_verify(PGconn *connection, const struct iqm_migration *migrations, FILE *errors);

#endif
