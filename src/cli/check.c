/*
 * `iqmd check`: holds contract, migrations and statements against a database, as the server's role.
 * Changes nothing.
 */
#include "cli.h"
#include "contract_tables.h"
#include "iqm/migrations.h"
#include "keys.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_verb verbs[] = {{"", "",
    "Holds contract, migrations and statements against the database, as the server's role.\n"
    "Changes nothing. IQM_OWNER_DATABASE_URL names the database, IQM_OWNER_KEY_DATABASE_URL\n"
    "that of the keys.",
    0}};
static const struct cli_command command = {"check", "", verbs, IQM_LENGTH(verbs)};

static int prepare(PGconn *connection, const char *name, const char *sql)
{
    IQM_CLEANUP(cli_clear_result) PGresult *result = PQprepare(connection, "", sql, 0, NULL);

    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        return 0;
    fprintf(stderr, "%s: %s", name, PQerrorMessage(connection));
    return 1;
}

static int check_statements(PGconn *connection)
{
    int faults = 0;

    for (size_t i = 0; i < IQM_STATEMENTS_COUNT; i++)
        faults += prepare(connection, iqm_statements[i].name, iqm_statements[i].sql);
    return faults;
}

/* Not every resource is: some are written by the database itself. */
static bool is_created(const struct iqm_resource *resource)
{
    for (size_t i = 0; i < iqm_contract.operation_count; i++) {
        const struct iqm_operation *operation = &iqm_contract.operations[i];
        if (operation->resource == resource &&
            (operation->handler == iqm_resource_create || operation->handler == iqm_resource_put))
            return true;
    }
    return false;
}

/* What the generic actions will say to the resource's table. */
static int check_resource(PGconn *connection, const struct iqm_resource *resource)
{
    char sql[1000];
    int faults = 0;

    if (is_created(resource)) {
        snprintf(sql, sizeof sql,
            "INSERT INTO %s (id, version, doc, written_by) "
            "VALUES ($1::uuid, 1, $2::json, $3::uuid)",
            resource->name);
        faults += prepare(connection, resource->name, sql);
    }
    for (const struct iqm_sort *sort = resource->sorts; sort != NULL && sort->value != NULL;
         sort++) {
        snprintf(sql, sizeof sql,
            "SELECT doc FROM %s WHERE (%s, id) > ($1::%s, $2::uuid) ORDER BY %s, id LIMIT 1",
            resource->name, sort->column, sort->type, sort->column);
        faults += prepare(connection, sort->value, sql);
    }
    return faults;
}

/* A sort by a column that may be null would lose rows between pages. */
static int check_sort_columns(PGconn *connection, const struct iqm_resource *resource)
{
    int faults = 0;

    for (const struct iqm_sort *sort = resource->sorts; sort != NULL && sort->value != NULL;
         sort++) {
        const char *values[] = {resource->name, sort->column};
        IQM_CLEANUP(cli_clear_result)
        PGresult *rows = PQexecParams(connection,
            "SELECT attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2", 2,
            NULL, values, NULL, NULL, 0);
        if (PQntuples(rows) == 1 && PQgetvalue(rows, 0, 0)[0] == 't')
            continue;
        fprintf(stderr, "%s: the sort by %s needs a column that is NOT NULL.\n", resource->name,
            sort->column);
        faults++;
    }
    return faults;
}

static int check_filters(PGconn *connection, const struct iqm_operation *operation)
{
    char sql[1000];
    int faults = 0;

    for (unsigned i = 0; i < operation->parameter_count; i++) {
        if (operation->parameters[i].filter == IQM_FILTER_NONE)
            continue;
        snprintf(sql, sizeof sql, "SELECT %s FROM %s", operation->parameters[i].column,
            operation->resource->name);
        faults += prepare(connection, operation->id, sql);
    }
    return faults;
}

/* Every table the server can reach has row-level security forced; the server owns nothing. */
static int check_security(PGconn *connection)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = PQexec(connection,
        "SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace "
        "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
        "AND has_any_column_privilege('iqm_server', c.oid, 'SELECT, INSERT, UPDATE') "
        "AND NOT (c.relkind IN ('r', 'p') AND c.relrowsecurity AND c.relforcerowsecurity) "
        "UNION ALL SELECT c.oid::regclass FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
        "WHERE r.rolname = 'iqm_server' AND c.relpersistence <> 't'");

    if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
        return 1;
    }
    for (int row = 0; row < PQntuples(rows); row++)
        fprintf(stderr, "%s: the server can reach it without forced row-level security.\n",
            PQgetvalue(rows, row, 0));
    return PQntuples(rows);
}

static int check_all(PGconn *connection, const char *role)
{
    int faults = iqm_migrations_verify(connection, iqm_migrations, stderr) != 0 ? 1 : 0;
    IQM_CLEANUP(cli_clear_result) PGresult *assumed = NULL;
    char sql[200];

    faults += check_security(connection);
    faults += cli_check_places(connection);
    faults += cli_check_rules(connection);
    for (size_t i = 0; i < iqm_contract.resource_count; i++)
        faults += check_sort_columns(connection, &iqm_contract.resources[i]);
    char *quoted = PQescapeIdentifier(connection, role, strlen(role));
    snprintf(sql, sizeof sql, "SET ROLE %s", quoted != NULL ? quoted : "");
    PQfreemem(quoted);
    assumed = PQexec(connection, sql);
    if (PQresultStatus(assumed) != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s", PQerrorMessage(connection));
        return faults + 1;
    }
    faults += check_statements(connection);
    for (size_t i = 0; i < iqm_contract.resource_count; i++)
        faults += check_resource(connection, &iqm_contract.resources[i]);
    for (size_t i = 0; i < iqm_contract.operation_count; i++)
        if (iqm_contract.operations[i].resource != NULL)
            faults += check_filters(connection, &iqm_contract.operations[i]);
    return faults;
}

/* Its schema, and that the server's role can open what is in it. */
static int check_keys(PGconn *connection, const struct iqm_config *config)
{
    int faults = iqm_migrations_verify(connection, iqm_key_migrations, stderr) != 0 ? 1 : 0;
    IQM_CLEANUP(iqm_keyring_closep) struct iqm_keyring *keyring = iqm_keyring_open(config, stderr);

    return faults + (keyring == NULL ? 1 : 0);
}

int cli_check(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    if (iqm_contract_open(&iqm_contract) != 0) {
        fprintf(stderr, "The contract's patterns do not compile.\n");
        return EXIT_FAILURE;
    }
    iqm_contract_close(&iqm_contract);
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL)
        return EXIT_FAILURE;
    IQM_CLEANUP(cli_finish_connection) PGconn *keys = cli_connect_key_owner(&config);
    if (keys == NULL)
        return EXIT_FAILURE;
    int faults = check_all(connection, config.database_role) + check_keys(keys, &config);
    if (faults != 0)
        return EXIT_FAILURE;
    printf("Contract, migrations and statements fit the database: %zu operations, %zu resources, "
           "migration %d.\n",
        iqm_contract.operation_count, iqm_contract.resource_count,
        iqm_migrations_newest(iqm_migrations));
    return EXIT_SUCCESS;
}
