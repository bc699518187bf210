/*
 * The listeners of one worker: their list, and its pulse. A few times a second it is asked whether
 * the feed has moved; where it has, those whom that may concern are asked for in turn.
 */
#include "hub.h"

#include "iqm/http.h"
#include "iqm/services.h"
#include "iqm/sync.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250 /* between two looks */

_Thread_local struct hub hub;

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
    listener->sent_at = now;
    /* Not all at once, where all came at once. */
    listener->ends_at = now + life - randombytes_uniform(life / 4);
    append(listener);
}

static void part(struct listener *listener)
{
    if (listener->is_there)
        take_out(listener);
    look_forget(listener);
    ask_forget(listener->ask);
    listener->ask = NULL;
    listener->is_there = listener->waits = false;
    hub_tidy();
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

void hub_sent(struct listener *listener)
{
    free(listener->text); /* most are silent for long */
    listener->text = NULL;
    listener->waits = true;
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

void hub_to_the_end(struct listener *listener)
{
    take_out(listener);
    append(listener);
}

void hub_all_are_due(void)
{
    for (struct listener *l = hub.first; l != NULL; l = l->next)
        l->due = true;
}

void hub_take_place(const char *xid, const char *record, const char *ceiling)
{
    struct sync_place *place = &hub.place;

    snprintf(place->xid, sizeof place->xid, "%s", xid);
    snprintf(place->record, sizeof place->record, "%s", record);
    snprintf(place->ceiling, sizeof place->ceiling, "%s", ceiling);
}

void hub_add_bytes(struct iqm_buffer *array, const char *hex)
{
    iqm_buffer_text(array, array->length > 1 ? ",\"\\\\x" : "\"\\\\x");
    iqm_buffer_text(array, hex);
    iqm_buffer_text(array, "\"");
}

void hub_tidy(void)
{
    if (hub.count > 0)
        return;
    look_tidy();
    group_tidy();
}

/* ---- the pulse ---- */

/* Whose time is over goes. */
static void tend(uint64_t now, bool stops)
{
    for (struct listener *l = hub.first, *next; l != NULL; l = next) {
        next = l->next;
        if (stops || now >= l->ends_at)
            hub_end(l);
    }
}

static void go_around(struct iqm_pg *pg, const struct iqm_config *config)
{
    static _Thread_local uint64_t looked_at;
    uint64_t now = iqm_clock_ms();

    if (now - looked_at < LOOK_MS && !iqm_server_is_draining())
        return;
    looked_at = now;
    tend(now, iqm_server_is_draining());
    hub_tidy();
    if (hub.count > 0 && iqm_pg_is_up(pg))
        look_around(pg, config);
}

void iqm_sync_pulse(struct iqm_pg *pg, void *services)
{
    go_around(pg, ((const struct iqm_services *)services)->config);
    group_begin(pg);
}
