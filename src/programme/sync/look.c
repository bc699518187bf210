/*
 * A look at what happened, one statement for all listeners: whether the feed has moved. And another
 * at the tokens of those who were not spoken to for a while.
 */
#include "contract_tables.h"
#include "hub.h"
#include "iqm/arena.h"
#include "iqm/buffer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEATS_MAX 256 /* heartbeats in a look */
#define MEMORY 16384  /* for one of them */

static _Thread_local struct {
    bool under_way;
    char day[16];
    struct iqm_pg_batch batch;
    struct iqm_pg_value place[2], tokens[3];
    struct iqm_buffer text;
    struct listener *beats[BEATS_MAX];
    unsigned count;
} look;

void look_forget(struct listener *listener)
{
    if (listener->beat > 0)
        look.beats[listener->beat - 1] = NULL;
    listener->beat = 0;
}

void look_tidy(void)
{
    if (!look.under_way)
        iqm_buffer_free(&look.text);
}

/* With the place that it has reached; new, NULL when memory is out. */
static char *heartbeat_from(const struct listener *listener)
{
    if (*listener->place.xid == '\0')
        return event_heartbeat(listener->cursor);
    struct iqm_call call = {.arena = iqm_arena_new(MEMORY),
        .services = listener->call->services,
        .actor = listener->actor};
    struct sync_cursor at;
    const char *cursor = NULL;
    if (call.arena != NULL &&
        sync_cursor_read_at(&call, listener->cursor, &listener->place, &at) == 0)
        cursor = sync_cursor_again(&call, &at);
    char *text = cursor != NULL ? event_heartbeat(cursor) : NULL;
    iqm_arena_free(call.arena);
    return text;
}

static void beat(struct listener *listener)
{
    listener->beat = 0;
    if (!listener->waits || listener->ask != NULL)
        return;
    if (iqm_call_is_left(listener->call)) {
        hub_end(listener);
        return;
    }
    char *text = listener->untold ? heartbeat_from(listener) : event_heartbeat(NULL);
    if (text == NULL)
        return;
    listener->untold = false;
    hub_send(listener, text);
}

/* Whose tokens are good no more go; the others hear that we are there. */
static void take_beats(const PGresult *let_go)
{
    for (int i = 0; i < PQntuples(let_go); i++) {
        unsigned place = (unsigned)atoi(PQgetvalue(let_go, i, 0));
        struct listener *listener =
            place >= 1 && place <= look.count ? look.beats[place - 1] : NULL;
        if (listener != NULL)
            hub_end(listener);
    }
    for (unsigned i = 0; i < look.count; i++) {
        if (look.beats[i] != NULL)
            beat(look.beats[i]);
    }
}

static void forget_beats(void)
{
    for (unsigned i = 0; i < look.count; i++) {
        if (look.beats[i] != NULL)
            look.beats[i]->beat = 0;
    }
    look.count = 0;
}

enum { NEWS_XID, NEWS_RECORD, NEWS_MOVED, NEWS_DAY };

static void take_news(const PGresult *news)
{
    bool moved = strcmp(PQgetvalue(news, 0, NEWS_MOVED), "t") == 0;

    if (strcmp(look.day, PQgetvalue(news, 0, NEWS_DAY)) != 0)
        hub_all_are_due(); /* assignments begin and end by the day */
    snprintf(look.day, sizeof look.day, "%s", PQgetvalue(news, 0, NEWS_DAY));
    if (moved && hub.count <= HUB_FEW)
        hub_all_are_due();
    else if (moved)
        hub.concern = true;
    if (!hub.concern || hub.count <= HUB_FEW) {
        hub.concern = false;
        hub_take_place(PQgetvalue(news, 0, NEWS_XID), PQgetvalue(news, 0, NEWS_RECORD), "");
    }
}

static void looked(struct iqm_pg_batch *batch)
{
    look.under_way = false;
    if (batch->error == 0 && PQntuples(batch->results[0]) == 1) {
        take_news(batch->results[0]);
        if (look.count > 0)
            take_beats(batch->results[1]);
    }
    forget_beats();
    iqm_pg_batch_clear(batch);
    group_begin(batch->user);
    hub_tidy();
}

static void add_token(const struct listener *listener)
{
    char hex[2 * IQM_TOKEN_HASH + 1];

    sodium_bin2hex(hex, sizeof hex, listener->token, IQM_TOKEN_HASH);
    hub_add_bytes(&look.text, hex);
}

static void gather_beats(uint64_t now, uint64_t silence)
{
    iqm_buffer_empty(&look.text);
    iqm_buffer_text(&look.text, "{");
    for (struct listener *l = hub.first; l != NULL && look.count < BEATS_MAX; l = l->next) {
        if (!l->waits || l->ask != NULL || now - l->sent_at < silence)
            continue;
        add_token(l);
        look.beats[look.count++] = l;
        l->beat = look.count;
    }
    iqm_buffer_add(&look.text, "}", 2);
}

void look_around(struct iqm_pg *pg, const struct iqm_config *config)
{
    if (look.under_way)
        return;
    const struct iqm_operation *operation = hub.first->call->operation;
    struct iqm_pg_batch *batch = &look.batch;

    gather_beats(iqm_clock_ms(), (uint64_t)config->heartbeat * 1000);
    if (look.text.failed) {
        forget_beats();
        iqm_buffer_free(&look.text);
        return;
    }
    bool begins = *hub.place.xid == '\0';
    look.place[0].text = begins ? NULL : hub.place.xid;
    look.place[1].text = begins ? NULL : hub.place.record;
    look.tokens[0].text = look.text.bytes;
    look.tokens[1].text = operation->scope;
    look.tokens[2].text = operation->roles;
    batch->done = looked;
    batch->user = pg;
    iqm_pg_batch_add(
        batch, IQM_STATEMENT_SYNC_NEWS->name, IQM_STATEMENT_SYNC_NEWS->sql, look.place, 2);
    if (look.count > 0)
        iqm_pg_batch_add(batch, IQM_STATEMENT_LISTENERS_LET_GO->name,
            IQM_STATEMENT_LISTENERS_LET_GO->sql, look.tokens, 3);
    look.under_way = true;
    iqm_pg_read(pg, batch);
}
