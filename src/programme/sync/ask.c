/*
 * What one listener is told: a page of the sync without its documents, in the name of the caller,
 * who is identified anew. Nothing but the result outlives it, so that a listener costs little
 * between two of them; and it outlives a listener that goes meanwhile.
 */
#include "listener.h"

#include "contract_tables.h"
#include "cursor.h"
#include "iqm/arena.h"
#include "iqm/services.h"
#include "selection.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)256 * 1024)
#define FAILURES_MAX 5

struct ask {
    struct iqm_call call; /* of the caller, as when the stream began; no request's */
    struct iqm_part part; /* which it therefore says */
    struct iqm_pg_batch page, keeping;
    struct iqm_pg_value values[SYNC_FIELDS], kept;
    struct sync_cursor since;
    struct listener *listener; /* NULL: gone */
    const char *next;          /* the cursor of the page */
    void (*done)(void);
};

void ask_forget(struct ask *ask)
{
    if (ask != NULL)
        ask->listener = NULL;
}

static void finish(struct ask *ask)
{
    void (*done)(void) = ask->done;

    if (ask->listener != NULL)
        ask->listener->ask = NULL;
    iqm_pg_batch_clear(&ask->page);
    iqm_pg_batch_clear(&ask->keeping);
    iqm_arena_free(ask->call.arena);
    done();
}

/* Asked again soon; but not for ever for somebody for whom it fails each time. */
static void fail(struct ask *ask, int error)
{
    struct listener *listener = ask->listener;

    if (listener != NULL && (error != IQM_EPG || ++listener->failures < FAILURES_MAX))
        listener->due = true;
    else if (listener != NULL)
        hub_end(listener);
    finish(ask);
}

static int last_row(const struct ask *ask)
{
    return PQntuples(ask->page.results[1]) - 1;
}

static bool is_there(const struct ask *ask, enum event_column column)
{
    return PQgetisnull(ask->page.results[1], last_row(ask), (int)column) == 0;
}

static const char *last(const struct ask *ask, enum event_column column)
{
    return PQgetvalue(ask->page.results[1], last_row(ask), (int)column);
}

/* By what the page was seen: the cursor's own word for it. While keys are in doubt, any change
 * counts. */
static void note_sight(struct listener *listener, const char *fields)
{
    const char *word = fields;

    for (int i = 0; i < SYNC_SIGHT && word != NULL; i++) {
        word = strchr(word, ' ');
        word = word != NULL ? word + 1 : NULL;
    }
    bool certain = word != NULL && strlen(word) > LISTENER_SIGHT && word[LISTENER_SIGHT] == '-';
    if (certain)
        memcpy(listener->sight, word, LISTENER_SIGHT - 1);
    listener->sight[certain ? LISTENER_SIGHT - 1 : 0] = '\0';
}

/* The page is the listener's: told where it says something. */
static void tell(struct ask *ask)
{
    struct listener *listener = ask->listener;
    const PGresult *rows = ask->page.results[1];
    bool more = strcmp(last(ask, EVENT_MORE), "t") == 0;
    char *cursor = strdup(ask->next);

    if (cursor == NULL) {
        fail(ask, IQM_ENOMEM);
        return;
    }
    if (PQntuples(rows) > 1 || !listener->begun) {
        char *text = event_of_page(rows, ask->next, more);
        if (text == NULL) {
            free(cursor);
            fail(ask, IQM_ENOMEM);
            return;
        }
        listener->begun = true;
        listener->untold = false;
        seat_count_event();
        hub_send(listener, text);
    } else if (listener->cursor == NULL || strcmp(listener->cursor, cursor) != 0) {
        listener->untold = true;
    }
    free(listener->cursor);
    listener->cursor = cursor;
    *listener->place.xid = '\0';
    listener->failures = 0;
    listener->due = listener->due || more;
    note_sight(listener, last(ask, EVENT_NEXT));
    finish(ask);
}

static void kept(struct iqm_pg_batch *batch)
{
    struct ask *ask = batch->user;

    if (batch->error != 0 || ask->listener == NULL)
        fail(ask, batch->error);
    else
        tell(ask);
}

/* As in a pull: a cursor names what is kept, and is told only then. */
static void keep(struct ask *ask)
{
    ask->kept.text = last(ask, EVENT_KEEP);
    ask->keeping.done = kept;
    ask->keeping.user = ask;
    iqm_pg_batch_add(&ask->keeping, IQM_STATEMENT_KEEP_SYNC_SIGHTS->name,
        IQM_STATEMENT_KEEP_SYNC_SIGHTS->sql, &ask->kept, 1);
    iqm_pg_write(ask->call.pg, &ask->keeping);
}

static bool goes_on(const struct ask *ask)
{
    return last_row(ask) >= 0 && is_there(ask, EVENT_NEXT) &&
           (ask->since.epoch == NULL || strcmp(ask->since.epoch, last(ask, EVENT_EPOCH)) == 0);
}

static void start_again(struct ask *ask)
{
    struct listener *listener = ask->listener;
    char *text = event_start_again();

    if (text != NULL)
        hub_send(listener, text);
    hub_end(listener);
    finish(ask);
}

static void read_page(struct iqm_pg_batch *batch)
{
    struct ask *ask = batch->user;
    bool known = batch->result_count > 0 && iqm_auth_holds(batch->results[0]);

    if (ask->listener == NULL || batch->result_count == 0) {
        fail(ask, batch->error);
    } else if (!known) {
        hub_end(ask->listener);
        finish(ask);
    } else if (batch->error != 0) {
        fail(ask, batch->error);
    } else if (!goes_on(ask)) {
        start_again(ask);
    } else {
        ask->next = sync_cursor_write(&ask->call, last(ask, EVENT_EPOCH), last(ask, EVENT_NEXT),
            ask->since.epoch != NULL ? ask->since.selection : SYNC_ANY_SELECTION);
        if (ask->next == NULL)
            fail(ask, IQM_ENOMEM);
        else if (is_there(ask, EVENT_KEEP))
            keep(ask);
        else
            tell(ask);
    }
}

/* A call with the caller's words, in memory of its own. */
static struct ask *new_ask(struct listener *listener)
{
    const struct iqm_call *call = listener->call;
    struct iqm_arena *arena = iqm_arena_new(MEMORY);
    struct ask *ask = arena != NULL ? iqm_arena_alloc(arena, sizeof *ask) : NULL;

    if (ask == NULL) {
        iqm_arena_free(arena);
        return NULL;
    }
    ask->call = (struct iqm_call){.part = &ask->part,
        .arena = arena,
        .contract = call->contract,
        .operation = call->operation,
        .pg = call->pg,
        .services = call->services,
        .authorization = {iqm_arena_copy(arena, call->authorization.ptr, call->authorization.len),
            call->authorization.len},
        .actor = iqm_arena_string(arena, call->actor)};
    ask->part.whole = &ask->call;
    iqm_problem_init(&ask->call.problem, arena);
    return ask;
}

static int read_cursor(struct ask *ask, const struct listener *listener)
{
    const char *text = listener->cursor;

    if (text == NULL)
        return 0;
    if (*listener->place.xid != '\0')
        return sync_cursor_read_at(&ask->call, text, &listener->place, &ask->since);
    return sync_cursor_read(&ask->call, (struct iqm_slice){text, strlen(text)}, &ask->since);
}

static int prepare(struct ask *ask, const struct listener *listener)
{
    const struct iqm_statement *statement = ask->call.operation->statement;

    if (ask->call.authorization.ptr == NULL || ask->call.actor == NULL ||
        read_cursor(ask, listener) != 0)
        return IQM_ENOMEM;
    for (size_t i = 0; i < SYNC_FIELDS; i++)
        ask->values[i].text = ask->since.fields[i];
    if (iqm_auth_identify(&ask->call, &ask->page) != 0)
        return IQM_ENOMEM;
    iqm_pg_batch_add(
        &ask->page, statement->name, statement->sql, ask->values, statement->parameter_count);
    return 0;
}

int ask_for(struct listener *listener, void (*done)(void))
{
    struct ask *ask = new_ask(listener);

    if (ask == NULL)
        return IQM_ENOMEM;
    if (prepare(ask, listener) != 0) {
        iqm_arena_free(ask->call.arena);
        return IQM_ENOMEM;
    }
    ask->listener = listener;
    ask->done = done;
    ask->page.done = read_page;
    ask->page.user = ask;
    listener->ask = ask;
    listener->is_judged = false;
    iqm_pg_feed(ask->call.pg, &ask->page);
    return 0;
}
