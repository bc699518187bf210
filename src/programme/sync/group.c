/*
 * Whose turn it is, is asked for: a group at a time on a session of their own, so that requests do
 * not wait for them. Of many, it is first asked whom the feed's moves may concern at all.
 */
#include "contract_tables.h"
#include "hub.h"
#include "iqm/buffer.h"
#include "iqm/ids.h"

#include <string.h>

#define GAP_MS 500 /* between two times that one is asked for */
/* A group should take so long, less where many requests come: they share processors with it. Then
 * the session rests so many times as long as it was at work. */
#define GROUP_MS 50
#define GROUP_BUSY_MS 5
#define MANY 2 /* statements of others in a ms */
#define GROUP_MAX 64
#define REST 2
#define REST_BUSY 4

static _Thread_local struct {
    unsigned size, under_way; /* statements */
    uint64_t sent, from;      /* when it began; when the next one may */
    uint64_t batches;         /* of all, when it began */
    struct iqm_pg *pg;
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[3];
    struct iqm_buffer sights;
} group;

void group_tidy(void)
{
    if (group.under_way == 0)
        iqm_buffer_free(&group.sights);
}

/* The next group is larger or smaller, by how long this one took. */
static void one_over(void)
{
    if (--group.under_way > 0)
        return;
    uint64_t now = iqm_clock_ms();
    uint64_t took = now - group.sent;
    bool busy = iqm_pg_counters(group.pg)->batches - group.batches > MANY * (took + group.size);
    uint64_t most = busy ? GROUP_BUSY_MS : GROUP_MS;
    if (took > most && group.size > 1)
        group.size /= 2;
    else if (took < most / 2 && group.size < GROUP_MAX)
        group.size *= 2;
    group.from = now + (busy ? REST_BUSY : REST) * took;
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

    for (struct listener *l = hub.first, *next; more && group.under_way < group.size; l = next) {
        next = l->next;
        more = l != end;
        if (!has_turn(l, now))
            continue;
        l->asked_at = now;
        l->due = false;
        group.under_way++;
        if (ask_for(l, one_over) != 0) {
            group.under_way--;
            l->due = true;
        }
        hub_to_the_end(l);
    }
}

enum { CONCERNED_SIGHT, CONCERNED_XID, CONCERNED_RECORD, CONCERNED_CEILING, CONCERNED_EVERYBODY };

/* Whether a sight is among those concerned, which are sorted; the first row is none. */
static bool stands_among(const PGresult *rows, const char *sight)
{
    int low = 1, high = PQntuples(rows);

    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(sight, PQgetvalue(rows, middle, CONCERNED_SIGHT));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Nothing up to there is for it: its next page need not read past what others wrote. */
static void pass(struct listener *listener)
{
    listener->place = hub.place;
    listener->untold = true;
}

static void judge(const PGresult *rows)
{
    bool everybody = strcmp(PQgetvalue(rows, 0, CONCERNED_EVERYBODY), "t") == 0;

    hub_take_place(PQgetvalue(rows, 0, CONCERNED_XID), PQgetvalue(rows, 0, CONCERNED_RECORD),
        PQgetvalue(rows, 0, CONCERNED_CEILING));
    for (struct listener *l = hub.first; l != NULL; l = l->next) {
        if (everybody || stands_among(rows, l->sight))
            l->due = true;
        else if (l->is_judged && !l->due)
            pass(l);
    }
}

static void concerned(struct iqm_pg_batch *batch)
{
    const PGresult *rows = batch->error == 0 ? batch->results[0] : NULL;

    if (rows != NULL && PQntuples(rows) > 0) {
        hub.concern = false;
        judge(rows);
    }
    iqm_pg_batch_clear(batch);
    one_over();
    hub_tidy();
}

/* Of whom it is not known by what they see, each is asked for. */
static void gather_sights(struct iqm_buffer *text)
{
    iqm_buffer_empty(text);
    iqm_buffer_text(text, "{");
    for (struct listener *l = hub.first; l != NULL; l = l->next) {
        l->is_judged = l->sight[0] != '\0' && l->ask == NULL;
        if (!l->is_judged) {
            l->due = true;
            continue;
        }
        hub_add_bytes(text, l->sight);
    }
    iqm_buffer_add(text, "}", 2);
}

static void ask_whom_it_concerns(struct iqm_pg *pg)
{
    const struct iqm_statement *statement = IQM_STATEMENT_SYNC_CONCERNED;

    gather_sights(&group.sights);
    if (group.sights.failed) {
        iqm_buffer_free(&group.sights);
        return;
    }
    group.values[0].text = hub.place.xid;
    group.values[1].text = hub.place.record;
    group.values[2].text = group.sights.bytes;
    group.batch.done = concerned;
    iqm_pg_batch_add(&group.batch, statement->name, statement->sql, group.values, 3);
    group.under_way++;
    iqm_pg_feed(pg, &group.batch);
}

void group_begin(struct iqm_pg *pg)
{
    uint64_t now = iqm_clock_ms();

    if (hub.count == 0 || group.under_way > 0 || now < group.from || !iqm_pg_is_up(pg))
        return;
    if (group.size == 0)
        group.size = 1;
    group.sent = now;
    group.batches = iqm_pg_counters(pg)->batches;
    group.pg = pg;
    if (hub.concern)
        ask_whom_it_concerns(pg);
    ask_group(now);
}
