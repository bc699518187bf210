/*
 * The two databases agree about who was erased. Both ways page by page: first what the log has and
 * the ledger lacks, then the other way round. Of a page one statement tells what the other side
 * lacks, so where both agree it costs two statements a page. Whoever is killed in between goes on
 * the next time. What one erasure fails on stops no other.
 */
#include "iqm/ask.h"
#include "iqm/erasure.h"
#include "iqm/log.h"
#include "iqm/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOOK_BACK_DAYS 7 /* between databases that agreed before */
#define FIRST_ID "00000000-0000-0000-0000-000000000000"
#define PAGE "200"
#define PAGE_MEMORY ((size_t)64 * 1024)
#define REPEAT_PARAMETERS 4

static const char destroy_sql[] = "SELECT log_erasure($1::uuid, $2::uuid, $3::json, $4)";

/* Which database this is: another one after a restore, as sync_epoch() says, and where PostgreSQL
 * was started again, as after a restore of its files. Rights of tables are what a restore brings
 * last, so one that is under way fails here: what was repeated now would meet the ledger's own
 * entries when they come. */
static const char identity_sql[] =
    "SELECT concat_ws('.', c.system_identifier, d.oid, $1::regclass::oid, "
    "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), "
    "extract(epoch FROM pg_postmaster_start_time())) "
    "FROM pg_control_system() AS c, pg_database AS d, (SELECT FROM migration LIMIT 1) AS restored "
    "WHERE d.datname = current_database()";

/* From whom to whom. A row of `list` is the id of an erasure, and then what `repeat` wants. */
struct way {
    PGconn *from, *to;
    const char *list, *missing, *repeat;
    const char *failed; /* what the log calls an erasure that could not be repeated */
    const atomic_bool *stopping;
};

/* How many were done again, and how many could not be. */
struct tally {
    unsigned done, failed;
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

static void log_failed(const struct way *way, const char *id)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, way->failed);
    iqm_log_string(&line, "erasure_id", id);
    iqm_log_string(&line, "remedy",
        "PostgreSQL's log says what stands against it. Mend that: it is then tried again, by every "
        "start and every round.");
    iqm_log_end(&line);
}

/* Does again what stands on a page and not on the other side. */
static int repeat_page(const struct way *way, const PGresult *page, struct tally *tally)
{
    IQM_CLEANUP(iqm_ask_clear) PGresult *missing = missing_of(way, page);

    if (missing == NULL)
        return failure(way->to);
    for (int row = 0; row < PQntuples(page); row++) {
        const char *id = PQgetvalue(page, row, 0);
        if (!is_among(missing, id))
            continue;
        int error = repeat(way, page, row);
        if (error == IQM_EPGLOST)
            return error;
        if (error != 0)
            log_failed(way, id);
        tally->done += error == 0;
        tally->failed += error != 0;
    }
    return 0;
}

static int follow(const struct way *way, const char *since, struct tally *tally)
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
        int error = repeat_page(way, page, tally);
        if (error != 0)
            return error;
        memcpy(after, PQgetvalue(page, PQntuples(page) - 1, 0), sizeof after);
    }
}

static int go_both_ways(PGconn *connection, PGconn *keys, const char *since,
    const atomic_bool *stopping, struct iqm_agreement *agreement)
{
    const struct way log_to_ledger = {.from = keys,
        .to = connection,
        .list = "SELECT erasure_id::text, doc, certificate FROM erasure_log "
                "WHERE erasure_id > $1::uuid ORDER BY erasure_id LIMIT " PAGE,
        .missing = "SELECT id::text FROM missing_erasures($1::uuid[]) AS id",
        .repeat = "SELECT repeat_erasure($1::json, $2)",
        .failed = "erasure_not_repeated",
        .stopping = stopping};
    const struct way ledger_to_log = {.from = connection,
        .to = keys,
        .list = "SELECT id::text, person_id::text, id::text, doc, certificate "
                "FROM list_erasures($1::uuid, " PAGE ")",
        .missing = "SELECT given.id::text FROM unnest($1::uuid[]) AS given (id) WHERE NOT EXISTS "
                   "(SELECT FROM erasure_log WHERE erasure_id = given.id)",
        .repeat = destroy_sql,
        .failed = "erasure_not_finished",
        .stopping = stopping};
    struct tally again = {0}, late = {0};
    int error = follow(&log_to_ledger, since, &again);

    if (error == 0)
        error = follow(&ledger_to_log, since, &late);
    agreement->repeated = again.done;
    agreement->finished = late.done;
    agreement->failed = again.failed + late.failed;
    return error;
}

static int identify(PGconn *connection, const char *table, const atomic_bool *stopping,
    char ret_identity[static IQM_DATABASE_TEXT])
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *row = iqm_ask(connection, identity_sql, 1, &table, NULL, NULL, stopping);

    if (PQntuples(row) != 1)
        return failure(connection);
    snprintf(ret_identity, IQM_DATABASE_TEXT, "%s", PQgetvalue(row, 0, 0));
    return 0;
}

/* Before every id that was made in these days: ids begin with their time. */
static void id_of_days_ago(char ret_id[static IQM_UUID_TEXT])
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = ((uint64_t)now.tv_sec - (uint64_t)LOOK_BACK_DAYS * 86400) * 1000;
    snprintf(ret_id, IQM_UUID_TEXT, "%08" PRIx64 "-%04" PRIx64 "-0000-0000-000000000000",
        (ms >> 16) & 0xffffffff, ms & 0xffff);
}

int iqm_erasures_agree(PGconn *connection, PGconn *keys, const struct iqm_agreement *former,
    const atomic_bool *stopping, struct iqm_agreement *ret_agreement)
{
    struct iqm_agreement agreement = {0};
    char since[IQM_UUID_TEXT] = FIRST_ID;
    int error = identify(connection, "erasure", stopping, agreement.database);

    if (error == 0)
        error = identify(keys, "erasure_log", stopping, agreement.key_database);
    if (former != NULL && strcmp(former->database, agreement.database) == 0 &&
        strcmp(former->key_database, agreement.key_database) == 0)
        id_of_days_ago(since);
    if (error == 0)
        error = go_both_ways(connection, keys, since, stopping, &agreement);
    if (agreement.finished > 0)
        iqm_vault_forget_all();
    *ret_agreement = agreement;
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
