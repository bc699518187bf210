/*
 * The two databases agree about who was erased. Both ways page by page: first what the log has and
 * the ledger lacks, then the other way round. Of a page one statement tells what the other side
 * lacks, so where both agree it costs two statements a page. Whoever is killed in between goes on
 * the next time.
 */
#include "iqm/ask.h"
#include "iqm/erasure.h"
#include "iqm/vault.h"

#include <string.h>

#define PAGE "200"
#define PAGE_MEMORY ((size_t)64 * 1024)
#define REPEAT_PARAMETERS 4

static const char destroy_sql[] = "SELECT log_erasure($1::uuid, $2::uuid, $3::json, $4)";

/* From whom to whom. A row of `list` is the id of an erasure, and then what `repeat` wants. */
struct way {
    PGconn *from, *to;
    const char *list, *missing, *repeat;
    const atomic_bool *stopping;
};

static PGresult *ask(
    PGconn *connection, const struct way *way, const char *sql, int count, const char **values)
{
    return iqm_ask(connection, sql, count, values, NULL, NULL, way->stopping);
}

static int failure(const PGconn *connection)
{
    return iqm_ask_is_lost(connection) ? IQM_EPGLOST : IQM_EPG;
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

    return ids != NULL ? ask(way->to, way, way->missing, 1, &ids) : NULL;
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
    IQM_CLEANUP(iqm_ask_clear) PGresult *done = ask(way->to, way, way->repeat, count, values);
    return done != NULL ? 0 : failure(way->to);
}

/* Does again what stands on a page and not on the other side. */
static int repeat_page(const struct way *way, const PGresult *page, unsigned *count)
{
    IQM_CLEANUP(iqm_ask_clear) PGresult *missing = missing_of(way, page);
    int error = missing != NULL ? 0 : failure(way->to);

    for (int row = 0; error == 0 && row < PQntuples(page); row++) {
        if (!is_among(missing, PQgetvalue(page, row, 0)))
            continue;
        error = repeat(way, page, row);
        *count += error == 0;
    }
    return error;
}

static int follow(const struct way *way, const char *since, unsigned *count)
{
    char after[IQM_UUID_TEXT];

    memcpy(after, since, sizeof after);
    for (;;) {
        const char *values[] = {after};
        IQM_CLEANUP(iqm_ask_clear) PGresult *page = ask(way->from, way, way->list, 1, values);
        if (page == NULL)
            return failure(way->from);
        if (PQntuples(page) == 0)
            return 0;
        int error = repeat_page(way, page, count);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), sizeof after);
    }
}

int iqm_erasures_agree(PGconn *connection, PGconn *keys, const char since[static IQM_UUID_TEXT],
    const atomic_bool *stopping, struct iqm_agreement *ret_agreement)
{
    const struct way log_to_ledger = {.from = keys,
        .to = connection,
        .list = "SELECT erasure_id::text, doc, certificate FROM erasure_log "
                "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE,
        .missing = "SELECT id::text FROM missing_erasures($1::uuid[]) AS id",
        .repeat = "SELECT repeat_erasure($1::json, $2)",
        .stopping = stopping};
    const struct way ledger_to_log = {.from = connection,
        .to = keys,
        .list = "SELECT id::text, person_id::text, id::text, doc, certificate "
                "FROM list_erasures($1::uuid, " PAGE ")",
        .missing = "SELECT given.id::text FROM unnest($1::uuid[]) AS given (id) WHERE NOT EXISTS "
                   "(SELECT FROM erasure_log WHERE erasure_id = given.id)",
        .repeat = destroy_sql,
        .stopping = stopping};
    *ret_agreement = (struct iqm_agreement){0};
    int error = follow(&log_to_ledger, since, &ret_agreement->repeated);

    if (error == 0)
        error = follow(&ledger_to_log, since, &ret_agreement->finished);
    if (ret_agreement->finished > 0)
        iqm_vault_forget_all();
    return error;
}

int iqm_erasure_destroy_key(PGconn *keys, const struct iqm_erasure_entry *erasure,
    const char *entry, const char *certificate, const atomic_bool *stopping)
{
    const char *values[] = {erasure->person, erasure->id, entry, certificate};
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *done = iqm_ask(keys, destroy_sql, 4, values, NULL, NULL, stopping);

    iqm_vault_forget_all();
    return done != NULL ? 0 : failure(keys);
}
