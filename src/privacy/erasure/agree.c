/*
 * The two databases agree about who was erased. Both ways page by page: first what the log has and
 * the ledger lacks, then the other way round. Whoever is killed in between goes on at the next
 * start.
 */
#include "iqm/erasure.h"

#include "iqm/ask.h"

#include <string.h>

#define PAGE "500"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

/* The two that are to agree. */
struct sides {
    PGconn *connection, *keys;
    const atomic_bool *stopping;
};

static int failure(const PGconn *connection)
{
    return iqm_ask_is_lost(connection) ? IQM_EPGLOST : IQM_EPG;
}

static PGresult *ask(const struct sides *sides, PGconn *connection, const char *sql, int count,
    const char *const *values)
{
    return iqm_ask(connection, sql, count, values, NULL, NULL, sides->stopping);
}

/* Runs a statement for one row of the other side. */
static int tell(const struct sides *sides, PGconn *connection, const char *sql, int count,
    const char *const *values)
{
    IQM_CLEANUP(iqm_ask_clear) PGresult *done = ask(sides, connection, sql, count, values);

    return done != NULL ? 0 : failure(connection);
}

/* The log's page after an id, but for what the ledger has. NULL: failed. */
static PGresult *missing_in_ledger(const struct sides *sides, PGresult *page)
{
    static const char sql[] = "SELECT id::text FROM missing_erasures($1::uuid[]) AS id";
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
    return ask(sides, sides->connection, sql, 1, values);
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
static int repeat_page(const struct sides *sides, PGresult *page, unsigned *repeated)
{
    IQM_CLEANUP(iqm_ask_clear) PGresult *missing = missing_in_ledger(sides, page);
    int error = missing != NULL ? 0 : failure(sides->connection);

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        const char *values[] = {PQgetvalue(page, row, 1), PQgetvalue(page, row, 2)};
        if (!is_among(missing, PQgetvalue(page, row, 0)))
            continue;
        error = tell(sides, sides->connection, "SELECT repeat_erasure($1::json, $2)", 2, values);
        (*repeated)++;
    }
    return error;
}

static int follow_log(const struct sides *sides, unsigned *repeated)
{
    static const char sql[] = "SELECT erasure_id::text, doc, certificate FROM erasure_log "
                              "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE;
    char after[IQM_UUID_TEXT] = FIRST_ID;

    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(iqm_ask_clear) PGresult *page = ask(sides, sides->keys, sql, 1, values);
        if (page == NULL)
            return failure(sides->keys);
        if (PQntuples(page) == 0)
            return 0;
        int error = repeat_page(sides, page, repeated);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), IQM_UUID_TEXT);
    }
}

/* Destroys the keys of a page of the ledger, where that has not happened. */
static int destroy_page(const struct sides *sides, const PGresult *page)
{
    static const char sql[] = "SELECT CASE WHEN NOT EXISTS (SELECT FROM erasure_log "
                              "WHERE erasure_id = $2::uuid) THEN log_erasure($1::uuid, $2::uuid, "
                              "$3::json, $4) END";
    int error = 0;

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        const char *values[] = {PQgetvalue(page, row, 1), PQgetvalue(page, row, 0),
            PQgetvalue(page, row, 2), PQgetvalue(page, row, 3)};
        error = tell(sides, sides->keys, sql, 4, values);
    }
    return error;
}

static int follow_ledger(const struct sides *sides)
{
    static const char sql[] =
        "SELECT id::text, person_id::text, doc, certificate FROM list_erasures($1::uuid, " PAGE ")";
    char after[IQM_UUID_TEXT] = FIRST_ID;

    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(iqm_ask_clear) PGresult *page = ask(sides, sides->connection, sql, 1, values);
        if (page == NULL)
            return failure(sides->connection);
        if (PQntuples(page) == 0)
            return 0;
        int error = destroy_page(sides, page);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), IQM_UUID_TEXT);
    }
}

int iqm_erasure_destroy_key(PGconn *keys, const struct iqm_erasure_entry *erasure,
    const char *entry, const char *certificate, const atomic_bool *stopping)
{
    const struct sides sides = {.keys = keys, .stopping = stopping};
    const char *values[] = {erasure->person, erasure->id, entry, certificate};

    return tell(&sides, keys, "SELECT log_erasure($1::uuid, $2::uuid, $3::json, $4)", 4, values);
}

int iqm_erasures_agree(
    PGconn *connection, PGconn *keys, const atomic_bool *stopping, unsigned *ret_repeated)
{
    const struct sides sides = {connection, keys, stopping};
    unsigned repeated = 0;
    int error = follow_log(&sides, &repeated);

    if (error == 0)
        error = follow_ledger(&sides);
    if (error == 0)
        *ret_repeated = repeated;
    return error;
}
