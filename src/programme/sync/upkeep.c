/* Looks now and then whether something holds up the feed, and ends what does so for too long. */
#include "iqm/sync.h"

#include "iqm/ids.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic uint64_t next_look, lag_ms;

static void looked(struct iqm_pg_batch *batch)
{
    if (batch->error == 0)
        atomic_store(&lag_ms, strtoull(PQgetvalue(batch->results[0], 0, 0), NULL, 10));
    iqm_pg_batch_clear(batch);
    free(batch);
}

static void run(struct iqm_pg *pg, const char *name, const char *sql,
    void (*done)(struct iqm_pg_batch *batch),
    void (*queue)(struct iqm_pg *pg, struct iqm_pg_batch *batch))
{
    struct iqm_pg_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return;
    batch->done = done;
    iqm_pg_batch_add(batch, name, sql, NULL, 0);
    queue(pg, batch);
}

static void ended(struct iqm_pg_batch *batch)
{
    iqm_pg_batch_clear(batch);
    free(batch);
}

void iqm_sync_upkeep(struct iqm_pg *pg)
{
    uint64_t now = iqm_clock_ms();
    uint64_t due = atomic_load(&next_look);

    if (!iqm_pg_is_up(pg) || now < due ||
        !atomic_compare_exchange_strong(&next_look, &due, now + IQM_SYNC_LOOK_MS))
        return;
    run(pg, "sync_lag", "SELECT round(1000 * sync_lag())::bigint", looked, iqm_pg_read);
    /* Nothing of ours waits so long between two statements. */
    if (iqm_sync_lag() > 60)
        run(pg, "end_stalled_writers", "SELECT end_stalled_writers('15 minutes')", ended,
            iqm_pg_write);
}

double iqm_sync_lag(void)
{
    return (double)atomic_load(&lag_ms) / 1000;
}
