/*
 * The declared rules of retention in the database's own table, for functions of the owner: what
 * migrate writes and check compares. Over a blocking connection of a command, never in the server.
 */
#include "contract_tables.h"
#include "documents.h"

#include <stdio.h>
#include <string.h>

enum { ORDINAL, CLASS, PLACE, KEEP, CONDITION, ACTION, COLUMN_COUNT };

#define CONDITION_MAX 8000

static const char *const actions[] = {[IQM_DUE_COUNT] = "count",
    [IQM_DUE_DELETE] = "delete",
    [IQM_DUE_ERASE_PERSON] = "erase_person"};

#define RULE_ORDINAL 24 /* digits of any number, and its end */

/* A rule as a row of the table. */
static void row_of(size_t number, char ordinal[RULE_ORDINAL], const char *ret_row[COLUMN_COUNT])
{
    const struct iqm_retention_rule *rule = &iqm_contract.retention_rules[number];

    snprintf(ordinal, RULE_ORDINAL, "%zu", number + 1);
    ret_row[ORDINAL] = ordinal;
    ret_row[CLASS] = rule->name;
    ret_row[PLACE] = rule->place;
    ret_row[KEEP] = rule->keep;
    ret_row[CONDITION] = rule->condition;
    ret_row[ACTION] = actions[rule->action];
}

static int run(PGconn *connection, const char *sql, unsigned count, const char *const *values)
{
    IQM_CLEANUP(cli_clear_result) PGresult *done = cli_run(connection, sql, count, values);

    return done != NULL ? 0 : IQM_EPG;
}

static int write_rules(PGconn *connection)
{
    int error = run(connection, "DELETE FROM retention_rule", 0, NULL);

    for (size_t i = 0; error == 0 && i < iqm_contract.retention_rule_count; i++) {
        char ordinal[RULE_ORDINAL];
        const char *row[COLUMN_COUNT];
        row_of(i, ordinal, row);
        error = run(connection,
            "INSERT INTO retention_rule (ordinal, class, place, keep, condition, action) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            COLUMN_COUNT, row);
    }
    return error;
}

int cli_write_rules(PGconn *connection)
{
    int error = run(connection, "BEGIN", 0, NULL);

    /* Another program that migrates, too, waits; who reads does not. */
    if (error == 0)
        error = run(connection, "LOCK retention_rule IN SHARE ROW EXCLUSIVE MODE", 0, NULL);
    if (error == 0)
        error = write_rules(connection);
    if (error == 0)
        return run(connection, "COMMIT", 0, NULL);
    run(connection, "ROLLBACK", 0, NULL);
    return error;
}

/* Whether the condition fits the tables that it names. */
static int check_condition(PGconn *connection, const struct iqm_retention_rule *rule)
{
    static const Oid timestamptz[] = {1184};
    char sql[CONDITION_MAX];
    int length = snprintf(sql, sizeof sql, "SELECT FROM %s WHERE %s", rule->place, rule->condition);

    if (length < 0 || (size_t)length >= sizeof sql) {
        fprintf(stderr, "%s of %s: the condition is too long.\n", rule->name, rule->place);
        return 1;
    }
    IQM_CLEANUP(cli_clear_result)
    PGresult *prepared = PQprepare(connection, "", sql, 1, timestamptz);
    if (PQresultStatus(prepared) == PGRES_COMMAND_OK)
        return 0;
    fprintf(stderr, "%s of %s: %s", rule->name, rule->place, PQerrorMessage(connection));
    return 1;
}

static bool is_same(const PGresult *rows, size_t number)
{
    char ordinal[RULE_ORDINAL];
    const char *declared[COLUMN_COUNT];
    bool same = true;

    row_of(number, ordinal, declared);
    for (int column = 0; same && column < COLUMN_COUNT; column++)
        same = strcmp(PQgetvalue(rows, (int)number, column), declared[column]) == 0;
    return same;
}

int cli_check_rules(PGconn *connection)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection,
        "SELECT ordinal, class, place, keep, condition, action FROM retention_rule "
        "ORDER BY ordinal",
        0, NULL);
    bool same = rows != NULL && (size_t)PQntuples(rows) == iqm_contract.retention_rule_count;
    int faults = 0;

    for (size_t i = 0; i < iqm_contract.retention_rule_count; i++) {
        same = same && is_same(rows, i);
        faults += check_condition(connection, &iqm_contract.retention_rules[i]);
    }
    if (same)
        return faults;
    fprintf(stderr,
        "The database's rules of retention are not those of this program: run iqmd migrate.\n");
    return faults + 1;
}
