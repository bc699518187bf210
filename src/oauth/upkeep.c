/* What a worker does beside requests: knows the origins of registered clients, two seconds old at
 * most, and now and then has what is long over cleared away. */
#include "iqm/oauth.h"

#include "iqm/auth.h"
#include "iqm/ids.h"
#include "iqm/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORIGINS_EVERY_MS 2000
#define FORGET_EVERY_MS (60 * 60 * 1000)
#define ORIGINS_MAX 32768 /* bytes of all origins, with commas */

static _Thread_local struct {
    char origins[ORIGINS_MAX];
    uint64_t next_origins, next_forget;
    bool asking;
} kept;

const char *iqm_oauth_origins(void *services)
{
    (void)services;
    return kept.origins;
}

/* What is too long is cut behind a whole origin. */
static void keep_origins(const char *text)
{
    snprintf(kept.origins, sizeof kept.origins, "%s", text);
    if (strlen(text) < sizeof kept.origins)
        return;
    char *comma = strrchr(kept.origins, ',');
    *(comma != NULL ? comma : kept.origins) = '\0';
    iqm_log_event(IQM_LOG_ERROR, "too_many_client_origins", NULL, NULL);
}

static void origins_known(struct iqm_pg_batch *batch)
{
    if (batch->error == 0)
        keep_origins(PQgetvalue(batch->results[0], 0, 0));
    kept.asking = false;
    iqm_pg_batch_clear(batch);
    free(batch);
}

static void ask_for_origins(struct iqm_pg *pg)
{
    struct iqm_pg_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return;
    kept.asking = true;
    batch->done = origins_known;
    iqm_pg_batch_add(batch, "client_origins", "SELECT coalesce(client_origins(), '')", NULL, 0);
    iqm_pg_read(pg, batch);
}

/* Of answers there may be more than go at once. */
static void forgotten(struct iqm_pg_batch *batch)
{
    if (batch->error == 0 && strcmp(PQgetvalue(batch->results[0], 0, 0), "t") == 0)
        kept.next_forget = 0;
    iqm_pg_batch_clear(batch);
    free(batch);
}

static void forget(struct iqm_pg *pg)
{
    struct iqm_pg_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return;
    batch->done = forgotten;
    iqm_pg_batch_add(batch, "forget_expired",
        "SELECT forget_answers(), forget_expired(), forget_request_verifications(), "
        "forget_sync_sights()",
        NULL, 0);
    iqm_pg_write(pg, batch);
}

void iqm_oauth_upkeep(struct iqm_pg *pg, void *services)
{
    uint64_t now = iqm_clock_ms();

    iqm_auth_upkeep(pg, services);
    if (!iqm_pg_is_up(pg))
        return;
    if (!kept.asking && now >= kept.next_origins) {
        kept.next_origins = now + ORIGINS_EVERY_MS;
        ask_for_origins(pg);
    }
    if (now >= kept.next_forget) {
        kept.next_forget = now + FORGET_EVERY_MS;
        forget(pg);
    }
}
