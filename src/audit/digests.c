/*
 * Holds tables of digested documents against the audit log, both ways: every row is what the record
 * of its newest version says, and every such record has its row. Which tables those are, the log
 * itself knows, so that taking a trigger away hides nothing; a table that has the trigger counts
 * before its first record, too.
 */
#include "verification.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tables_sql[] =
    "SELECT name, format('%I', name), to_regclass(format('public.%I', name)) IS NOT NULL FROM ("
    " SELECT resource AS name FROM audit_record WHERE doc->>'digest' IS NOT NULL"
    " UNION SELECT relname::text COLLATE \"C\" FROM pg_trigger JOIN pg_class ON pg_class.oid = "
    "tgrelid"
    " WHERE tgfoid = to_regprocedure('public.record_change()')"
    " AND tgargs = convert_to('digest', 'UTF8') || '\\x00') AS tables ORDER BY name";

/* The database's own functions only, as everywhere here. A deletion is told without a digest. */
static const char rows_form[] =
    "DECLARE digests NO SCROLL CURSOR FOR"
    " SELECT coalesce(kept.id, told.id)::text, kept.there IS NOT NULL, told.there IS NOT NULL"
    " FROM (SELECT true AS there, id, doc->>'digest' AS digest FROM (SELECT resource_id AS id, doc,"
    " rank() OVER (PARTITION BY resource_id ORDER BY (doc->>'version')::bigint DESC) AS age"
    " FROM audit_record WHERE resource = '%1$s' AND doc->>'version' IS NOT NULL) AS r"
    " WHERE age = 1) AS told"
    " FULL JOIN (SELECT true AS there, id, encode(sha256(convert_to(doc::text, 'UTF8')), 'hex')"
    " AS digest FROM public.%2$s) AS kept ON kept.id = told.id"
    " WHERE kept.digest IS DISTINCT FROM told.digest ORDER BY 1";

static void tell(
    struct verification *verification, const char *table, const PGresult *rows, int row)
{
    const char *id = PQgetvalue(rows, row, 0);
    bool is_kept = PQgetvalue(rows, row, 1)[0] != 0, is_told = PQgetvalue(rows, row, 2)[0] != 0;

    if (!is_kept)
        verification_say(verification, "The %s %s was removed.", table, id);
    else if (!is_told)
        verification_say(verification,
            "The %s %s has no record in the audit log: it was slipped in.", table, id);
    else
        verification_say(
            verification, "The %s %s is not what its record says: it was changed.", table, id);
}

static int check_rows(struct verification *verification, const char *table)
{
    int error = 0, count = 1;

    while (error == 0 && count > 0) {
        IQM_CLEANUP(verification_clear) PGresult *rows = NULL;
        error = verification_run(verification, "FETCH " VERIFICATION_PAGE " FROM digests", &rows);
        count = PQntuples(rows);
        for (int row = 0; row < count; row++)
            tell(verification, table, rows, row);
    }
    return error == 0 ? verification_execute(verification, "CLOSE digests") : error;
}

static int check_table(struct verification *verification, const char *table, const char *identifier)
{
    IQM_CLEANUP(iqm_free_pointer) char *sql = NULL;
    IQM_CLEANUP(iqm_free_pointer) char *name = malloc(2 * strlen(table) + 1);

    if (name == NULL)
        return IQM_ENOMEM;
    PQescapeStringConn(verification->connection, name, table, strlen(table), NULL);
    if (asprintf(&sql, rows_form, name, identifier) < 0)
        return IQM_ENOMEM;
    int error = verification_execute(verification, sql);
    return error == 0 ? check_rows(verification, table) : error;
}

int verification_check_digests(struct verification *verification)
{
    IQM_CLEANUP(verification_clear) PGresult *tables = NULL;
    int error = verification_run(verification, tables_sql, &tables);

    for (int i = 0; error == 0 && i < PQntuples(tables); i++) {
        const char *table = PQgetvalue(tables, i, 0);
        if (PQgetvalue(tables, i, 2)[0] != 0)
            error = check_table(verification, table, PQgetvalue(tables, i, 1));
        else
            verification_say(verification, "The table %s is gone.", table);
    }
    return error;
}
