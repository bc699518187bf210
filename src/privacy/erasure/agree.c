/*
 * The two databases agree about who was erased. Both ways page by page: first what the log has and
 * the ledger lacks, then the other way round. Whoever is killed in between goes on at the next
 * start.
 */
#include "iqm/erasure.h"

#include <string.h>

#define PAGE "500"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

static void clear_result(PGresult **result)
{
    PQclear(*result);
}

/* The rows of a statement; NULL: it failed. */
static PGresult *ask(PGconn *connection, const char *sql, int count, const char *const *values)
{
    PGresult *rows = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(rows) == PGRES_TUPLES_OK)
        return rows;
    PQclear(rows);
    return NULL;
}

static int failure(const PGconn *connection)
{
    return PQstatus(connection) == CONNECTION_OK ? IQM_EPG : IQM_EPGLOST;
}

/* Runs a statement for one row of the other side. */
static int tell(PGconn *connection, const char *sql, int count, const char *const *values)
{
    IQM_CLEANUP(clear_result) PGresult *done = ask(connection, sql, count, values);

    return done != NULL ? 0 : failure(connection);
}

/* The log's page after an id, but for what the ledger has. NULL: failed. */
static PGresult *missing_in_ledger(PGconn *connection, PGresult *page)
{
    static const char sql[] = "SELECT id FROM missing_erasures($1::uuid[]) AS id";
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new((size_t)1024 * 1024);
    size_t count = (size_t)PQntuples(page);
    char *ids = arena != NULL ? iqm_arena_alloc(arena, count * IQM_UUID_TEXT + 3) : NULL;
    size_t length = 0;

    if (ids == NULL)
        return NULL;
    ids[length++] = '{';
    for (size_t i = 0; i < count; i++) {
        memcpy(ids + length, PQgetvalue(page, (int)i, 0), IQM_UUID_TEXT - 1);
        length += IQM_UUID_TEXT - 1;
        ids[length++] = i + 1 < count ? ',' : '}';
    }
    const char *values[] = {ids};
    return ask(connection, sql, 1, values);
}

static bool is_among(const PGresult *ids, const char *id)
{
    for (int row = 0; row < PQntuples(ids); row++) {
        if (strcmp(PQgetvalue(ids, row, 0), id) == 0)
            return true;
    }
    return false;
}

/* Does again what stands on a page of the log and not in the ledger. */
static int repeat_page(PGconn *connection, PGresult *page, unsigned *repeated)
{
    IQM_CLEANUP(clear_result) PGresult *missing = missing_in_ledger(connection, page);
    int error = missing != NULL ? 0 : failure(connection);

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        const char *values[] = {PQgetvalue(page, row, 1), PQgetvalue(page, row, 2)};
        if (!is_among(missing, PQgetvalue(page, row, 0)))
            continue;
        error = tell(connection, "SELECT repeat_erasure($1::json, $2)", 2, values);
        (*repeated)++;
    }
    return error;
}

static int follow_log(PGconn *connection, PGconn *keys, unsigned *repeated)
{
    static const char sql[] = "SELECT erasure_id, doc, certificate FROM erasure_log "
                              "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE;
    char after[IQM_UUID_TEXT] = FIRST_ID;

    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(clear_result) PGresult *page = ask(keys, sql, 1, values);
        if (page == NULL)
            return failure(keys);
        if (PQntuples(page) == 0)
            return 0;
        int error = repeat_page(connection, page, repeated);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), IQM_UUID_TEXT);
    }
}

/* Destroys the keys of a page of the ledger, where that has not happened. */
static int destroy_page(PGconn *keys, const PGresult *page)
{
    static const char sql[] = "SELECT CASE WHEN NOT EXISTS (SELECT FROM erasure_log "
                              "WHERE erasure_id = $2::uuid) THEN log_erasure($1::uuid, $2::uuid, "
                              "$3::json, $4) END";
    int error = 0;

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        const char *values[] = {PQgetvalue(page, row, 1), PQgetvalue(page, row, 0),
            PQgetvalue(page, row, 2), PQgetvalue(page, row, 3)};
        error = tell(keys, sql, 4, values);
    }
    return error;
}

static int follow_ledger(PGconn *connection, PGconn *keys)
{
    static const char sql[] =
        "SELECT id, person_id, doc, certificate FROM list_erasures($1::uuid, " PAGE ")";
    char after[IQM_UUID_TEXT] = FIRST_ID;

    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(clear_result) PGresult *page = ask(connection, sql, 1, values);
        if (page == NULL)
            return failure(connection);
        if (PQntuples(page) == 0)
            return 0;
        int error = destroy_page(keys, page);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), IQM_UUID_TEXT);
    }
}

int iqm_erasures_agree(PGconn *connection, struct iqm_keyring *keyring, unsigned *ret_repeated)
{
    PGconn *keys = iqm_keyring_connection(keyring);
    unsigned repeated = 0;
    int error = follow_log(connection, keys, &repeated);

    if (error == 0)
        error = follow_ledger(connection, keys);
    if (error == 0)
        *ret_repeated = repeated;
    return error;
}
