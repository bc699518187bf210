/* Applies and verifies migrations over a blocking connection of a command; never in the server. */
#include "iqm/migrations.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Any number will do as long as every version of the program uses the same. */
#define LOCK_SQL "SELECT pg_advisory_lock(7310577)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(7310577)"

#define CHECKSUM_TEXT 65

static void clear_result(PGresult **result)
{
    PQclear(*result);
}

int iqm_migrations_newest(const struct iqm_migration *migrations)
{
    int newest = 0;

    for (const struct iqm_migration *m = migrations; m->name != NULL; m++)
        newest = m->number;
    return newest;
}

static void checksum_of(const struct iqm_migration *migration, char ret_text[CHECKSUM_TEXT])
{
    uint8_t hash[32];

    crypto_generichash(
        hash, sizeof hash, (const unsigned char *)migration->sql, strlen(migration->sql), NULL, 0);
    sodium_bin2hex(ret_text, CHECKSUM_TEXT, hash, sizeof hash);
}

static int execute(PGconn *connection, const char *sql, FILE *errors)
{
    IQM_CLEANUP(clear_result) PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return 0;
    fprintf(errors, "%s", PQerrorMessage(connection));
    return IQM_EPG;
}

/* The applied ones, or NULL: a database without the table has none. */
static PGresult *read_applied(PGconn *connection, FILE *errors)
{
    PGresult *result = PQexec(connection, "SELECT to_regclass('public.migration') IS NOT NULL");

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQgetvalue(result, 0, 0)[0] == 't') {
        PQclear(result);
        result = PQexec(connection, "SELECT number, checksum FROM migration ORDER BY number");
    } else if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        PQclear(result);
        result = PQexec(connection, "SELECT 1, '' WHERE false");
    }
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    fprintf(errors, "%s", PQerrorMessage(connection));
    PQclear(result);
    return NULL;
}

static int check_applied(
    const struct iqm_migration *migrations, const PGresult *applied, FILE *errors)
{
    for (int row = 0; row < PQntuples(applied); row++) {
        const struct iqm_migration *migration = &migrations[row];
        char checksum[CHECKSUM_TEXT];
        if (row >= iqm_migrations_newest(migrations)) {
            fprintf(errors,
                "The database has migration %s, which this program does not know: it "
                "is too old for the database.\n",
                PQgetvalue(applied, row, 0));
            return IQM_EINVAL;
        }
        checksum_of(migration, checksum);
        if (strcmp(checksum, PQgetvalue(applied, row, 1)) != 0) {
            fprintf(errors, "Migration %s was applied with another text than this program has.\n",
                migration->name);
            return IQM_EINVAL;
        }
    }
    return 0;
}

static int apply_one(PGconn *connection, const struct iqm_migration *migration, FILE *errors)
{
    char number[16], checksum[CHECKSUM_TEXT];
    const char *values[] = {number, migration->name, checksum};

    snprintf(number, sizeof number, "%d", migration->number);
    checksum_of(migration, checksum);
    int error = execute(connection, "BEGIN", errors);
    if (error == 0)
        error = execute(connection, migration->sql, errors);
    if (error == 0) {
        IQM_CLEANUP(clear_result)
        PGresult *result = PQexecParams(connection,
            "INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3)", 3, NULL, values,
            NULL, NULL, 0);
        error = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : IQM_EPG;
    }
    if (error == 0)
        return execute(connection, "COMMIT", errors);
    fprintf(errors, "Migration %s was not applied; nothing of it is left.\n", migration->name);
    execute(connection, "ROLLBACK", errors);
    return error;
}

/* A database that is somebody else's is left alone. 0 when it is empty or ours, and in UTF-8. */
static int check_is_ours(PGconn *connection, FILE *errors)
{
    IQM_CLEANUP(clear_result)
    PGresult *result = PQexec(connection,
        "SELECT current_setting('server_encoding') = 'UTF8', "
        "to_regclass('public.migration') IS NOT NULL OR NOT EXISTS (SELECT FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f'))");

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fprintf(errors, "%s", PQerrorMessage(connection));
        return IQM_EPG;
    }
    if (PQgetvalue(result, 0, 0)[0] != 't')
        fprintf(errors, "The database is not in UTF-8: make one with ENCODING 'UTF8'.\n");
    else if (PQgetvalue(result, 0, 1)[0] != 't')
        fprintf(errors, "The database holds tables of something else: give IQM one of its own.\n");
    else
        return 0;
    return IQM_EINVAL;
}

static int apply_missing(
    PGconn *connection, const struct iqm_migration *migrations, FILE *out, FILE *errors)
{
    IQM_CLEANUP(clear_result) PGresult *applied = read_applied(connection, errors);

    if (applied == NULL)
        return IQM_EPG;
    int error = check_applied(migrations, applied, errors);
    for (int i = PQntuples(applied); error == 0 && migrations[i].name != NULL; i++) {
        fprintf(out, "Applying %s\n", migrations[i].name);
        error = apply_one(connection, &migrations[i], errors);
    }
    return error;
}

int iqm_migrations_apply(
    PGconn *connection, const struct iqm_migration *migrations, FILE *out, FILE *errors)
{
    int error = execute(connection, "SET client_min_messages = warning", errors);

    if (error == 0)
        error = execute(connection, LOCK_SQL, errors);
    if (error != 0)
        return error;
    error = check_is_ours(connection, errors);
    if (error == 0)
        error = apply_missing(connection, migrations, out, errors);
    execute(connection, UNLOCK_SQL, errors);
    return error;
}

int iqm_migrations_verify(PGconn *connection, const struct iqm_migration *migrations, FILE *errors)
{
    IQM_CLEANUP(clear_result) PGresult *applied = read_applied(connection, errors);

    if (applied == NULL)
        return IQM_EPG;
    int error = check_applied(migrations, applied, errors);
    if (error == 0 && PQntuples(applied) != iqm_migrations_newest(migrations)) {
        fprintf(errors, "The database lacks migrations of this program: run iqmd migrate.\n");
        return IQM_EINVAL;
    }
    return error;
}
