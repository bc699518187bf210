/* Looks now and then whether something holds up the feed, and ends what does so for too long. */
#include "iqm/sync.h"

#include "iqm/ids.h"
#include "iqm/services.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic uint64_t next_look, lag_ms;

struct ending {
    struct iqm_pg_batch batch;
    struct iqm_pg_value after;
    char seconds[24];
};

static void looked(struct iqm_pg_batch *batch)
{
    if (batch->error == 0)
        atomic_store(&lag_ms, strtoull(PQgetvalue(batch->results[0], 0, 0), NULL, 10));
    iqm_pg_batch_clear(batch);
    free(batch);
}

static void look(struct iqm_pg *pg)
{
    struct iqm_pg_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return;
    batch->done = looked;
    iqm_pg_batch_add(batch, "sync_lag", "SELECT round(1000 * sync_lag())::bigint", NULL, 0);
    iqm_pg_read(pg, batch);
}

static void ended(struct iqm_pg_batch *batch)
{
    iqm_pg_batch_clear(batch);
    free(batch->user);
}

static void end_stalled(struct iqm_pg *pg, int64_t seconds)
{
    struct ending *ending = calloc(1, sizeof *ending);

    if (ending == NULL)
        return;
    snprintf(ending->seconds, sizeof ending->seconds, "%" PRId64, seconds);
    ending->after.text = ending->seconds;
    ending->batch.done = ended;
    ending->batch.user = ending;
    iqm_pg_batch_add(&ending->batch, "end_stalled_writers",
        "SELECT end_stalled_writers(make_interval(secs => $1))", &ending->after, 1);
    iqm_pg_write(pg, &ending->batch);
}

void iqm_sync_upkeep(struct iqm_pg *pg, void *services)
{
    const struct iqm_config *config = ((const struct iqm_services *)services)->config;
    uint64_t now = iqm_clock_ms();
    uint64_t due = atomic_load(&next_look);

    if (!iqm_pg_is_up(pg) || now < due ||
        !atomic_compare_exchange_strong(&next_look, &due, now + IQM_SYNC_LOOK_MS))
        return;
    look(pg);
    /* What waited already at the look before waits for somebody. */
    if (atomic_load(&lag_ms) > IQM_SYNC_LOOK_MS)
        end_stalled(pg, config->stalled_writer);
}

double iqm_sync_lag(void)
{
    return (double)atomic_load(&lag_ms) / 1000;
}
