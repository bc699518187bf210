/*
 * A snapshot, walked:
 *   session → [begin, identify] → ([cursor] → ([fetch] → keys → rows) …) … → given back
 */
#include "iqm/walk.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/ids.h"
#include "iqm/resource.h"
#include "iqm/services.h"

#include <stdio.h>
#include <string.h>

/* A document has 1 MiB at most, as a body has (IQM_BODY_MAX): the first fetch of a cursor may bring
 * so many of those, the next ones are as many as fit into FETCH_BYTES by what came before. */
#define FIRST_ROWS 8
#define CHECK_EVERY_MS 1000
#define FETCH_BYTES ((size_t)256 * 1024)
#define FETCH_MEMORY ((size_t)32 * 1024 * 1024)

static void fail(struct iqm_walk *walk, const struct iqm_problem_type *type)
{
    if (walk->call->problem.type == NULL)
        iqm_problem_set(&walk->call->problem, type, NULL);
    walk->failed(walk);
}

/* What it was asked makes no statement fail: it is the database that could not. */
static void done(struct iqm_pg_batch *batch)
{
    struct iqm_walk *walk = batch->user;

    if (batch->error != 0)
        fail(walk, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else
        walk->next(walk);
}

static void run(struct iqm_walk *walk, void (*next)(struct iqm_walk *walk))
{
    walk->next = next;
    walk->batch.done = done;
    walk->batch.user = walk;
    iqm_pg_run(walk->session, &walk->batch);
}

static void begun(struct iqm_pg_batch *batch)
{
    struct iqm_walk *walk = batch->user;

    if (batch->result_count > 1 && iqm_auth_verdict(walk->call, batch->results[1]) != 0)
        walk->failed(walk);
    else
        done(batch);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct iqm_walk *walk = borrower->user;

    walk->session = session;
    if (error != 0) {
        iqm_problem_set(&walk->call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE,
            "Too much is being read at the moment: try again in a little while.");
        walk->failed(walk);
        return;
    }
    iqm_pg_batch_add(
        &walk->batch, "begin_snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0);
    if (iqm_auth_identify(walk->call, &walk->batch) != 0) {
        walk->failed(walk);
        return;
    }
    walk->began_at = walk->checked_at = iqm_clock_ms();
    walk->batch.done = begun;
    walk->batch.user = walk;
    iqm_pg_run(session, &walk->batch);
}

void iqm_walk_begin(struct iqm_walk *walk, void (*next)(struct iqm_walk *walk))
{
    walk->next = next;
    walk->borrower = (struct iqm_pg_borrower){
        .granted = granted, .user = walk, .owner = iqm_call_token_hash(walk->call)};
    iqm_pg_borrow_stream(walk->call->pg, &walk->borrower);
}

void iqm_walk_open(struct iqm_walk *walk, const char *sql, const struct iqm_pg_value *values,
    unsigned count, void (*next)(struct iqm_walk *walk))
{
    iqm_pg_batch_clear(&walk->batch);
    walk->rows = NULL;
    if (walk->open)
        iqm_pg_batch_add(&walk->batch, "close_walked", "CLOSE " IQM_WALK_CURSOR, NULL, 0);
    walk->open = true;
    walk->most = FIRST_ROWS;
    iqm_pg_batch_add(&walk->batch, NULL, sql, values, count);
    run(walk, next);
}

static size_t bytes_of(const PGresult *rows)
{
    size_t bytes = 1;

    for (int row = 0; row < PQntuples(rows); row++) {
        for (int column = 0; column < PQnfields(rows); column++)
            bytes += (size_t)PQgetlength(rows, row, column);
    }
    return bytes;
}

/* As many as fit, but never suddenly more: the rows before may have been small by chance. */
static unsigned next_most(unsigned most, const PGresult *rows)
{
    size_t fit = FETCH_BYTES * (size_t)PQntuples(rows) / bytes_of(rows);
    size_t next = fit < 2 * (size_t)most ? fit : 2 * (size_t)most;

    if (next > IQM_WALK_ROWS_MAX)
        next = IQM_WALK_ROWS_MAX;
    return next > 0 ? (unsigned)next : 1;
}

static void fetched(struct iqm_walk *walk)
{
    void (*next)(struct iqm_walk *) = walk->with_rows;

    if (iqm_call_is_left(walk->call)) {
        fail(walk, IQM_PROBLEM_SERVICE_UNAVAILABLE);
        return;
    }
    walk->rows = walk->batch.results[0];
    walk->most = next_most(walk->most, walk->rows);
    next(walk);
}

static void fetch(struct iqm_walk *walk)
{
    char *sql;

    iqm_arena_free(walk->arena);
    walk->arena = iqm_arena_new(FETCH_MEMORY);
    sql = walk->arena != NULL
              ? iqm_arena_printf(walk->arena, "FETCH FORWARD %u FROM " IQM_WALK_CURSOR, walk->most)
              : NULL;
    if (sql == NULL) {
        fail(walk, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_pg_batch_clear(&walk->batch);
    walk->rows = NULL;
    iqm_pg_batch_add(&walk->batch, NULL, sql, NULL, 0);
    run(walk, fetched);
}

static void checked(struct iqm_pg_batch *batch)
{
    struct iqm_walk *walk = batch->user;

    if (batch->error != 0)
        fail(walk, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else if (iqm_auth_verdict(walk->call, batch->results[0]) != 0)
        walk->failed(walk);
    else
        fetch(walk);
}

/* The snapshot still knows the token as it was: what has become of it is asked outside. */
static void check(struct iqm_walk *walk, uint64_t now)
{
    walk->checked_at = now;
    iqm_pg_batch_clear(&walk->check);
    if (iqm_auth_identify(walk->call, &walk->check) != 0) {
        walk->failed(walk);
        return;
    }
    walk->check.done = checked;
    walk->check.user = walk;
    iqm_pg_read(walk->call->pg, &walk->check);
}

/* What its client takes little by little would otherwise keep its snapshot as long as it likes. */
static bool is_over(const struct iqm_walk *walk, uint64_t now)
{
    const struct iqm_services *services = walk->call->services;

    return now - walk->began_at >= (uint64_t)services->config->snapshot_timeout * 1000;
}

void iqm_walk_fetch(struct iqm_walk *walk, void (*next)(struct iqm_walk *walk))
{
    uint64_t now = iqm_clock_ms();

    walk->with_rows = next;
    if (is_over(walk, now))
        fail(walk, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else if (now - walk->checked_at >= CHECK_EVERY_MS)
        check(walk, now);
    else
        fetch(walk);
}

static void unseal_on(struct iqm_walk *walk);

static bool needs_a_key(const struct iqm_walk *walk, size_t place)
{
    return walk->resources[place] != NULL && walk->resources[place]->subject != NULL;
}

static void opened(struct iqm_vault_opening *opening)
{
    struct iqm_walk *walk = opening->user;

    if (opening->error != 0) {
        iqm_resource_sealed(walk->call, opening->error);
        walk->failed(walk);
        return;
    }
    for (size_t i = 0; i < opening->count; i++)
        walk->opened[walk->from + i] = opening->opened[i];
    walk->from += opening->count;
    unseal_on(walk);
}

/* Those of one resource that stand together are opened at once. */
static void unseal_on(struct iqm_walk *walk)
{
    size_t end;

    for (; walk->from < walk->count && !needs_a_key(walk, walk->from); walk->from++)
        walk->opened[walk->from] = walk->stored[walk->from];
    if (walk->from == walk->count) {
        walk->unsealed(walk, walk->opened);
        return;
    }
    end = walk->from + 1;
    while (end < walk->count && walk->resources[end] == walk->resources[walk->from])
        end++;
    walk->opening = (struct iqm_vault_opening){.resource = walk->resources[walk->from],
        .stored = walk->stored + walk->from,
        .count = end - walk->from,
        .done = opened,
        .user = walk};
    iqm_vault_open(walk->call->vault, walk->arena, &walk->opening);
}

void iqm_walk_unseal(struct iqm_walk *walk, const struct iqm_resource *const *resources,
    const struct iqm_slice *stored, size_t count,
    void (*next)(struct iqm_walk *walk, const struct iqm_slice *documents))
{
    walk->resources = resources;
    walk->stored = stored;
    walk->count = count;
    walk->from = 0;
    walk->unsealed = next;
    walk->opened = iqm_arena_array(walk->arena, count + 1, sizeof *walk->opened);
    if (walk->opened == NULL)
        fail(walk, IQM_PROBLEM_INTERNAL_ERROR);
    else
        unseal_on(walk);
}

void iqm_walk_end(struct iqm_walk *walk)
{
    if (walk->session != NULL)
        iqm_pg_release(walk->session);
    walk->session = NULL;
    walk->open = false;
    iqm_pg_batch_clear(&walk->batch);
    iqm_pg_batch_clear(&walk->check);
    iqm_arena_free(walk->arena);
    walk->arena = NULL;
}
