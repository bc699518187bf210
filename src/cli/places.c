/*
 * The declared places of personal data in the database's own table, for functions of the owner:
 * what migrate writes and check compares. Over a blocking connection of a command, never in the
 * server.
 */
#include "cli.h"
#include "contract_tables.h"

#include <stdio.h>
#include <string.h>

enum { ORDINAL, NAME, CONDITION, ON_ERASURE, GROUND, WITHHELD, COLUMN_COUNT };

/* A row's texts that are made for it. */
struct texts {
    char ordinal[16], withheld[400];
};

static const char *const erasures[] = {[IQM_ERASURE_DELETE] = "delete",
    [IQM_ERASURE_ANONYMISE] = "anonymise",
    [IQM_ERASURE_KEEP] = "keep"};

/* The columns that are withheld, as an array of PostgreSQL's. */
static void write_withheld(const struct iqm_place *place, char *text, size_t room)
{
    size_t length = (size_t)snprintf(text, room, "{");

    for (size_t i = 0; i < place->column_count && length < room; i++) {
        if (place->columns[i].withheld)
            length += (size_t)snprintf(text + length, room - length, "%s%s", length > 1 ? "," : "",
                place->columns[i].name);
    }
    if (length < room)
        snprintf(text + length, room - length, "}");
}

/* A place as a row of the table; false where nothing personal stands there. */
static bool row_of(
    const struct iqm_place *place, struct texts *texts, const char *ret_row[COLUMN_COUNT])
{
    if (place->on_erasure == IQM_ERASURE_NONE)
        return false;
    snprintf(texts->ordinal, sizeof texts->ordinal, "%d", (int)(place - iqm_contract.places) + 1);
    write_withheld(place, texts->withheld, sizeof texts->withheld);
    ret_row[WITHHELD] = texts->withheld;
    ret_row[ORDINAL] = texts->ordinal;
    ret_row[NAME] = place->name;
    ret_row[CONDITION] = place->condition;
    ret_row[ON_ERASURE] = erasures[place->on_erasure];
    ret_row[GROUND] = place->ground;
    return true;
}

static int run(PGconn *connection, const char *sql, int count, const char *const *values)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        return 0;
    fprintf(stderr, "%s", PQerrorMessage(connection));
    return IQM_EPG;
}

static int write_places(PGconn *connection)
{
    int error = run(connection, "DELETE FROM personal_place", 0, NULL);

    for (size_t i = 0; error == 0 && i < iqm_contract.place_count; i++) {
        struct texts texts;
        const char *row[COLUMN_COUNT];
        if (row_of(&iqm_contract.places[i], &texts, row))
            error = run(connection,
                "INSERT INTO personal_place (ordinal, name, condition, on_erasure, ground, "
                "withheld) VALUES ($1, $2, $3, $4, $5, $6)",
                COLUMN_COUNT, row);
    }
    return error;
}

int cli_write_places(PGconn *connection)
{
    int error = run(connection, "BEGIN", 0, NULL);

    /* Another program that migrates, too, waits; who reads does not. */
    if (error == 0)
        error = run(connection, "LOCK personal_place IN SHARE ROW EXCLUSIVE MODE", 0, NULL);
    if (error == 0)
        error = write_places(connection);
    if (error == 0)
        return run(connection, "COMMIT", 0, NULL);
    run(connection, "ROLLBACK", 0, NULL);
    return error;
}

static bool is_same(const PGresult *rows, int row, const char *const declared[COLUMN_COUNT])
{
    for (int column = 0; column < COLUMN_COUNT; column++) {
        bool is_null = row >= PQntuples(rows) || PQgetisnull(rows, row, column);
        if (is_null != (declared[column] == NULL) ||
            (!is_null && strcmp(PQgetvalue(rows, row, column), declared[column]) != 0))
            return false;
    }
    return true;
}

/* Whether the condition fits the tables that it names. */
static int check_condition(PGconn *connection, const struct iqm_place *place)
{
    static const Oid uuid[] = {2950};
    char sql[4000];
    int length = snprintf(sql, sizeof sql, "SELECT FROM %s WHERE %s", place->name,
        place->condition != NULL ? place->condition : "true");
    IQM_CLEANUP(cli_clear_result) PGresult *prepared = NULL;

    if (length < 0 || (size_t)length >= sizeof sql) {
        fprintf(stderr, "%s: its condition is too long.\n", place->name);
        return 1;
    }
    prepared = PQprepare(connection, "", sql, place->condition != NULL ? 1 : 0, uuid);
    if (PQresultStatus(prepared) == PGRES_COMMAND_OK)
        return 0;
    fprintf(stderr, "%s: %s", place->name, PQerrorMessage(connection));
    return 1;
}

int cli_check_places(PGconn *connection)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = PQexec(connection,
        "SELECT ordinal, name, condition, on_erasure, ground, withheld FROM personal_place "
        "ORDER BY ordinal");
    int faults = 0, row = 0;
    bool same = PQresultStatus(rows) == PGRES_TUPLES_OK;

    for (size_t i = 0; i < iqm_contract.place_count; i++) {
        struct texts texts;
        const char *declared[COLUMN_COUNT];
        if (row_of(&iqm_contract.places[i], &texts, declared))
            same = same && is_same(rows, row++, declared);
        faults += check_condition(connection, &iqm_contract.places[i]);
    }
    if (same && row == PQntuples(rows))
        return faults;
    fprintf(stderr, "The database's places of personal data are not those of this program: run "
                    "iqmd migrate.\n");
    return faults + 1;
}
