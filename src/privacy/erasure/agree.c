/*
 * The two databases agree about who was erased. Both ways page by page: first what the log has and
 * the ledger lacks, then the other way round. Of a page one statement tells what the other side
 * lacks, so long as both agree a start costs two statements a page. Whoever is killed in between
 * goes on at the next start.
 */
#include "iqm/erasure.h"

#include <string.h>

#define PAGE "200"
#define PAGE_MEMORY ((size_t)64 * 1024)
#define FIRST_ID "00000000-0000-0000-0000-000000000000"
#define REPEAT_PARAMETERS 4

/* From whom to whom. A row of `list` is the id of an erasure, and then what `repeat` wants. */
struct way {
    PGconn *from, *to;
    const char *list, *missing, *repeat;
};

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

/* The ids of a page, as a PostgreSQL array. */
static char *array_of(struct iqm_arena *arena, const PGresult *page)
{
    size_t count = (size_t)PQntuples(page);
    char *text = iqm_arena_bytes(arena, count * IQM_UUID_TEXT + 2);
    char *at = text;

    if (text == NULL)
        return NULL;
    *at++ = '{';
    for (size_t i = 0; i < count; i++) {
        memcpy(at, PQgetvalue(page, (int)i, 0), IQM_UUID_TEXT - 1);
        at += IQM_UUID_TEXT - 1;
        *at++ = i + 1 < count ? ',' : '}';
    }
    *at = '\0';
    return text;
}

/* The ids of a page that the other side lacks. NULL: failed. */
static PGresult *missing_of(const struct way *way, const PGresult *page)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(PAGE_MEMORY);
    const char *ids = arena != NULL ? array_of(arena, page) : NULL;

    return ids != NULL ? ask(way->to, way->missing, 1, &ids) : NULL;
}

static bool is_among(const PGresult *ids, const char *id)
{
    for (int row = 0; row < PQntuples(ids); row++) {
        if (strcmp(PQgetvalue(ids, row, 0), id) == 0)
            return true;
    }
    return false;
}

static int repeat(const struct way *way, const PGresult *page, int row)
{
    const char *values[REPEAT_PARAMETERS];
    int count = PQnfields(page) - 1;

    for (int i = 0; i < count && i < REPEAT_PARAMETERS; i++)
        values[i] = PQgetvalue(page, row, i + 1);
    IQM_CLEANUP(clear_result) PGresult *done = ask(way->to, way->repeat, count, values);
    return done != NULL ? 0 : failure(way->to);
}

/* Does again what stands on a page and not on the other side. */
static int repeat_page(const struct way *way, const PGresult *page, unsigned *repeated)
{
    IQM_CLEANUP(clear_result) PGresult *missing = missing_of(way, page);
    int error = missing != NULL ? 0 : failure(way->to);

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        if (!is_among(missing, PQgetvalue(page, row, 0)))
            continue;
        error = repeat(way, page, row);
        (*repeated)++;
    }
    return error;
}

static int follow(const struct way *way, unsigned *repeated)
{
    char after[IQM_UUID_TEXT] = FIRST_ID;

    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(clear_result) PGresult *page = ask(way->from, way->list, 1, values);
        if (page == NULL)
            return failure(way->from);
        if (PQntuples(page) == 0)
            return 0;
        int error = repeat_page(way, page, repeated);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), IQM_UUID_TEXT);
    }
}

int iqm_erasures_agree(PGconn *connection, struct iqm_keyring *keyring, unsigned *ret_repeated)
{
    PGconn *keys = iqm_keyring_connection(keyring);
    const struct way log_to_ledger = {.from = keys,
        .to = connection,
        .list = "SELECT erasure_id, doc, certificate FROM erasure_log "
                "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE,
        .missing = "SELECT id FROM missing_erasures($1::uuid[]) AS id",
        .repeat = "SELECT repeat_erasure($1::json, $2)"};
    const struct way ledger_to_log = {.from = connection,
        .to = keys,
        .list = "SELECT id, person_id, id, doc, certificate FROM list_erasures($1::uuid, " PAGE ")",
        .missing = "SELECT given.id FROM unnest($1::uuid[]) AS given (id) WHERE NOT EXISTS "
                   "(SELECT FROM erasure_log WHERE erasure_id = given.id)",
        .repeat = "SELECT log_erasure($1::uuid, $2::uuid, $3::json, $4)"};
    unsigned repeated = 0, destroyed = 0;
    int error = follow(&log_to_ledger, &repeated);

    if (error == 0)
        error = follow(&ledger_to_log, &destroyed);
    if (error == 0)
        *ret_repeated = repeated;
    return error;
}
