/*
 * The listeners of one worker. A few times a second it is asked whether the feed has moved, and
 * which tokens of those who were not spoken to for a while are still good: one statement each, for
 * all. Where it moved, those whom that may concern are asked for in turn, a group at a time on a
 * session of their own, so that requests do not wait for them.
 */
#include "iqm/sync.h"
#include "listener.h"

#include "contract_tables.h"
#include "iqm/buffer.h"
#include "iqm/http.h"
#include "iqm/ids.h"
#include "iqm/services.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEATS_MAX 256  /* heartbeats in a pulse */
#define LOOK_MS 250    /* between two looks */
#define FEW 32         /* so many are asked for without asking whom it concerns */
#define GAP_MS 500     /* between two times that one is asked for */
#define SURE_MS 120000 /* after which it is asked for though nothing seemed to concern it */
/* A group should take so long; then the session rests twice as long as it was at work. */
#define GROUP_MS 50
#define GROUP_LEAST 4
#define GROUP_MAX 64
#define REST 2

static _Thread_local struct {
    struct listener *first, *last;
    unsigned count;
    uint64_t moves;           /* of the feed that were seen */
    char xid[24], record[40]; /* up to which it is known whom it concerns; "": begins */
    char day[16];
    uint64_t looked_at;
    unsigned group, under_way;       /* statements of a group */
    uint64_t group_sent, group_from; /* when it began; when the next one may */
    bool concern;                    /* whom the feed's moves concern is to be asked */
    struct {
        bool under_way;
        struct iqm_pg_batch batch;
        struct iqm_pg_value place[2], tokens[3];
        struct iqm_buffer text;
        struct listener *beats[BEATS_MAX];
        unsigned count;
    } look;
    struct {
        struct iqm_pg_batch batch;
        struct iqm_pg_value values[3];
        struct iqm_buffer sights;
    } ask;
} hub;

/* ---- the list ---- */

static void append(struct listener *listener)
{
    listener->previous = hub.last;
    listener->next = NULL;
    *(hub.last != NULL ? &hub.last->next : &hub.first) = listener;
    hub.last = listener;
    hub.count++;
}

static void take_out(struct listener *listener)
{
    *(listener->previous != NULL ? &listener->previous->next : &hub.first) = listener->next;
    *(listener->next != NULL ? &listener->next->previous : &hub.last) = listener->previous;
    hub.count--;
}

void hub_join(struct listener *listener)
{
    const struct iqm_services *services = listener->call->services;
    uint32_t life = (uint32_t)services->config->listener_life * 1000;
    uint64_t now = iqm_clock_ms();

    listener->is_there = listener->due = true;
    listener->moves = hub.moves;
    listener->sent_at = now;
    /* Not all at once, where all came at once. */
    listener->ends_at = now + life - randombytes_uniform(life / 4);
    append(listener);
}

static void part(struct listener *listener)
{
    if (listener->is_there)
        take_out(listener);
    if (listener->beat > 0)
        hub.look.beats[listener->beat - 1] = NULL;
    ask_forget(listener->ask);
    listener->beat = 0;
    listener->ask = NULL;
    listener->is_there = listener->waits = false;
}

void hub_leave(struct listener *listener)
{
    part(listener);
    free(listener->cursor);
    free(listener->text);
    if (listener->has_seat)
        seat_leave(listener->actor);
}

void hub_end(struct listener *listener)
{
    part(listener);
    iqm_call_end(listener->call);
}

void hub_send(struct listener *listener, char *text)
{
    free(listener->text);
    listener->text = text;
    listener->waits = false;
    listener->sent_at = iqm_clock_ms();
    iqm_call_piece(listener->call, text, strlen(text));
}

void hub_drop_gone(const char *actor)
{
    for (struct listener *l = hub.first, *next; l != NULL; l = next) {
        next = l->next;
        if (strcmp(l->actor, actor) != 0 || !iqm_call_is_left(l->call))
            continue;
        hub_end(l);
        seat_leave(actor);
        l->has_seat = false;
    }
}

static void all_are_due(void)
{
    for (struct listener *l = hub.first; l != NULL; l = l->next)
        l->due = true;
}

static void take_place(const char *xid, const char *record)
{
    snprintf(hub.xid, sizeof hub.xid, "%s", xid);
    snprintf(hub.record, sizeof hub.record, "%s", record);
}

/* Where nobody listens, nothing is kept: the thread may end. */
static void tidy(void)
{
    if (hub.count > 0)
        return;
    if (!hub.look.under_way)
        iqm_buffer_free(&hub.look.text);
    if (hub.under_way == 0)
        iqm_buffer_free(&hub.ask.sights);
}

/* ---- groups ---- */

/* The next group is larger or smaller, by how long this one took. */
static void one_over(void)
{
    if (--hub.under_way > 0)
        return;
    uint64_t now = iqm_clock_ms();
    uint64_t took = now - hub.group_sent;
    if (took > GROUP_MS && hub.group > GROUP_LEAST)
        hub.group /= 2;
    else if (took < GROUP_MS / 2 && hub.group < GROUP_MAX)
        hub.group *= 2;
    hub.group_from = now + REST * took;
}

static bool has_turn(const struct listener *listener, uint64_t now)
{
    return listener->due && listener->waits && listener->ask == NULL &&
           now - listener->asked_at >= GAP_MS;
}

/* Whoever was asked for goes to the end: so all have their turn. */
static void ask_group(uint64_t now)
{
    struct listener *end = hub.last;
    bool more = hub.first != NULL;

    for (struct listener *l = hub.first, *next; more && hub.under_way < hub.group; l = next) {
        next = l->next;
        more = l != end;
        if (!has_turn(l, now))
            continue;
        l->asked_at = now;
        l->moves = hub.moves;
        l->due = false;
        hub.under_way++;
        if (ask_for(l, one_over) != 0) {
            hub.under_way--;
            l->due = true;
        }
        take_out(l);
        append(l);
    }
}

/* The row of a sight among those concerned, which are sorted; the first row is none. */
static bool stands_among(const PGresult *rows, const char *sight)
{
    int low = 1, high = PQntuples(rows);

    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(sight, PQgetvalue(rows, middle, 0));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

enum { CONCERNED_SIGHT, CONCERNED_XID, CONCERNED_RECORD, CONCERNED_EVERYBODY };

static void concerned(struct iqm_pg_batch *batch)
{
    const PGresult *rows = batch->error == 0 ? batch->results[0] : NULL;

    if (rows != NULL && PQntuples(rows) > 0) {
        hub.concern = false;
        take_place(PQgetvalue(rows, 0, CONCERNED_XID), PQgetvalue(rows, 0, CONCERNED_RECORD));
        bool everybody = strcmp(PQgetvalue(rows, 0, CONCERNED_EVERYBODY), "t") == 0;
        for (struct listener *l = hub.first; l != NULL; l = l->next)
            l->due = l->due || everybody || stands_among(rows, l->sight);
    }
    iqm_pg_batch_clear(batch);
    one_over();
    tidy();
}

/* Of whom it is not known by what they see, each is asked for. */
static void gather_sights(struct iqm_buffer *text)
{
    iqm_buffer_empty(text);
    iqm_buffer_text(text, "{");
    for (struct listener *l = hub.first; l != NULL; l = l->next) {
        if (l->sight[0] == '\0' || l->ask != NULL) {
            l->due = true;
            continue;
        }
        iqm_buffer_text(text, text->length > 1 ? ",\"\\\\x" : "\"\\\\x");
        iqm_buffer_text(text, l->sight);
        iqm_buffer_text(text, "\"");
    }
    iqm_buffer_add(text, "}", 2);
}

static void ask_whom_it_concerns(struct iqm_pg *pg)
{
    const struct iqm_statement *statement = IQM_STATEMENT_SYNC_CONCERNED;

    gather_sights(&hub.ask.sights);
    if (hub.ask.sights.failed) {
        iqm_buffer_free(&hub.ask.sights);
        return;
    }
    hub.ask.values[0].text = hub.xid;
    hub.ask.values[1].text = hub.record;
    hub.ask.values[2].text = hub.ask.sights.bytes;
    hub.ask.batch.done = concerned;
    iqm_pg_batch_add(&hub.ask.batch, statement->name, statement->sql, hub.ask.values, 3);
    hub.under_way++;
    iqm_pg_feed(pg, &hub.ask.batch);
}

static void begin_group(struct iqm_pg *pg)
{
    uint64_t now = iqm_clock_ms();

    if (hub.count == 0 || hub.under_way > 0 || now < hub.group_from || !iqm_pg_is_up(pg))
        return;
    if (hub.group == 0)
        hub.group = GROUP_LEAST;
    hub.group_sent = now;
    if (hub.concern)
        ask_whom_it_concerns(pg);
    ask_group(now);
}

/* ---- looks ---- */

static void beat(struct listener *listener)
{
    char *text = event_heartbeat(listener->untold ? listener->cursor : NULL);

    listener->beat = 0;
    if (text == NULL || !listener->waits || listener->ask != NULL)
        free(text);
    else if (iqm_call_is_left(listener->call)) {
        free(text);
        hub_end(listener);
    } else {
        listener->untold = false;
        hub_send(listener, text);
    }
}

/* Whose tokens are good no more go; the others hear that we are there. */
static void take_beats(const PGresult *let_go)
{
    for (int i = 0; i < PQntuples(let_go); i++) {
        unsigned place = (unsigned)atoi(PQgetvalue(let_go, i, 0));
        struct listener *listener =
            place >= 1 && place <= hub.look.count ? hub.look.beats[place - 1] : NULL;
        if (listener != NULL)
            hub_end(listener);
    }
    for (unsigned i = 0; i < hub.look.count; i++) {
        if (hub.look.beats[i] != NULL)
            beat(hub.look.beats[i]);
    }
}

static void forget_beats(void)
{
    for (unsigned i = 0; i < hub.look.count; i++) {
        if (hub.look.beats[i] != NULL)
            hub.look.beats[i]->beat = 0;
    }
    hub.look.count = 0;
}

enum { NEWS_XID, NEWS_RECORD, NEWS_MOVED, NEWS_DAY };

static void take_news(const PGresult *news)
{
    bool moved = strcmp(PQgetvalue(news, 0, NEWS_MOVED), "t") == 0;

    if (strcmp(hub.day, PQgetvalue(news, 0, NEWS_DAY)) != 0)
        all_are_due(); /* assignments begin and end by the day */
    snprintf(hub.day, sizeof hub.day, "%s", PQgetvalue(news, 0, NEWS_DAY));
    if (moved)
        hub.moves++;
    if (moved && hub.count <= FEW)
        all_are_due();
    else if (moved)
        hub.concern = true;
    if (!hub.concern || hub.count <= FEW) {
        hub.concern = false;
        take_place(PQgetvalue(news, 0, NEWS_XID), PQgetvalue(news, 0, NEWS_RECORD));
    }
}

static void looked(struct iqm_pg_batch *batch)
{
    hub.look.under_way = false;
    if (batch->error == 0 && PQntuples(batch->results[0]) == 1) {
        take_news(batch->results[0]);
        if (hub.look.count > 0)
            take_beats(batch->results[1]);
    }
    forget_beats();
    iqm_pg_batch_clear(batch);
    begin_group(batch->user);
    tidy();
}

static void add_token(const struct listener *listener)
{
    struct iqm_buffer *text = &hub.look.text;
    char hex[2 * IQM_TOKEN_HASH + 1];

    sodium_bin2hex(hex, sizeof hex, listener->token, IQM_TOKEN_HASH);
    iqm_buffer_text(text, text->length > 1 ? ",\"\\\\x" : "\"\\\\x");
    iqm_buffer_text(text, hex);
    iqm_buffer_text(text, "\"");
}

static void gather_beats(uint64_t now, uint64_t silence)
{
    iqm_buffer_empty(&hub.look.text);
    iqm_buffer_text(&hub.look.text, "{");
    for (struct listener *l = hub.first; l != NULL && hub.look.count < BEATS_MAX; l = l->next) {
        if (!l->waits || l->ask != NULL || now - l->sent_at < silence)
            continue;
        add_token(l);
        hub.look.beats[hub.look.count++] = l;
        l->beat = hub.look.count;
    }
    iqm_buffer_add(&hub.look.text, "}", 2);
}

static void look(struct iqm_pg *pg, const struct iqm_config *config)
{
    const struct iqm_operation *operation = hub.first->call->operation;
    struct iqm_pg_batch *batch = &hub.look.batch;

    gather_beats(iqm_clock_ms(), (uint64_t)config->heartbeat * 1000);
    if (hub.look.text.failed) {
        forget_beats();
        iqm_buffer_free(&hub.look.text);
        return;
    }
    hub.look.place[0].text = *hub.xid != '\0' ? hub.xid : NULL;
    hub.look.place[1].text = *hub.record != '\0' ? hub.record : NULL;
    hub.look.tokens[0].text = hub.look.text.bytes;
    hub.look.tokens[1].text = operation->scope;
    hub.look.tokens[2].text = operation->roles;
    batch->done = looked;
    batch->user = pg;
    iqm_pg_batch_add(
        batch, IQM_STATEMENT_SYNC_NEWS->name, IQM_STATEMENT_SYNC_NEWS->sql, hub.look.place, 2);
    if (hub.look.count > 0)
        iqm_pg_batch_add(batch, IQM_STATEMENT_LISTENERS_LET_GO->name,
            IQM_STATEMENT_LISTENERS_LET_GO->sql, hub.look.tokens, 3);
    hub.look.under_way = true;
    iqm_pg_read(pg, batch);
}

/* ---- the pulse ---- */

/* Whose time is over goes; who was not asked for in a long time is, whatever it looked like. */
static void tend(uint64_t now, bool stops)
{
    for (struct listener *l = hub.first, *next; l != NULL; l = next) {
        next = l->next;
        if (stops || now >= l->ends_at)
            hub_end(l);
        else if (l->moves != hub.moves && now - l->asked_at >= SURE_MS)
            l->due = true;
    }
}

static void look_around(struct iqm_pg *pg, const struct iqm_config *config)
{
    uint64_t now = iqm_clock_ms();

    if (now - hub.looked_at < LOOK_MS && !iqm_server_is_draining())
        return;
    hub.looked_at = now;
    tend(now, iqm_server_is_draining());
    tidy();
    if (hub.count > 0 && !hub.look.under_way && iqm_pg_is_up(pg))
        look(pg, config);
}

void iqm_sync_pulse(struct iqm_pg *pg, void *services)
{
    look_around(pg, ((const struct iqm_services *)services)->config);
    begin_group(pg);
}
