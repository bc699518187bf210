/*
 * Who listens to events, and what a worker does for them. Everything here belongs to one worker's
 * thread; only the counts of seats are the process's.
 */
#ifndef IQM_PROGRAMME_SYNC_LISTENER_H
#define IQM_PROGRAMME_SYNC_LISTENER_H

#include "cursor.h"
#include "iqm/auth.h"
#include "iqm/config.h"
#include "iqm/ids.h"

#define LISTENER_SIGHT 65 /* a hash in hexadecimal, and its end */

struct ask;
struct beginning;

struct listener {
    struct iqm_call *call;
    struct beginning *beginning;      /* NULL: the stream is open */
    struct listener *previous, *next; /* of the worker; who was asked for last comes last */
    struct ask *ask;                  /* under way; NULL: none */
    char *cursor;                     /* how far it was told; NULL: not yet from anywhere */
    struct sync_place place;          /* where that stands meanwhile; xid "": where it says */
    char *text;                       /* the piece that is being sent */
    uint8_t token[IQM_TOKEN_HASH];
    char actor[IQM_UUID_TEXT];  /* who listens */
    char sight[LISTENER_SIGHT]; /* by what it saw; "": unknown, or in doubt */
    bool has_seat, is_there;    /* counted; among the worker's listeners */
    bool waits;                 /* takes the next piece at once */
    bool begun;                 /* was sent its first event */
    bool untold;                /* the cursor moved since its last event */
    bool due;                   /* something may have happened */
    bool is_judged;             /* whether the feed's moves concern it is being asked */
    unsigned failures;          /* one after the other */
    unsigned beat;              /* its place in the look under way, from 1; 0: none */
    uint64_t asked_at, sent_at, ends_at;
};

/* ---- hub.c: the listeners of a worker (hub.h) ---- */

void hub_join(struct listener *listener);
void hub_leave(struct listener *listener); /* also of one that never joined */

/* Takes the next piece to a listener that waits for it; the text is taken. */
void hub_send(struct listener *listener, char *text);

/* What it was sent is out: it waits for the next piece. */
void hub_sent(struct listener *listener);

/* Ends its stream once what is on the way is out. */
void hub_end(struct listener *listener);

/* Ends streams of this caller whose connections are gone. */
void hub_drop_gone(const char *actor);

/* ---- ask.c: asks for the changes of one ---- */

/* Asks, in the name of the listener's caller; when that is over, `listener->ask` is NULL, and
 * `done` is called. 0 or IQM_ENOMEM. */
int ask_for(struct listener *listener, void (*done)(void));

/* The listener is gone: what comes back for it is for nobody. */
void ask_forget(struct ask *ask);

/* ---- event.c: what is sent ---- */

enum event_column {
    EVENT_KIND,
    EVENT_CHANGE,
    EVENT_ID,
    EVENT_NEXT,
    EVENT_MORE,
    EVENT_KEEP,
    EVENT_EPOCH
};

/* A page as an event; new, NULL when memory is out. */
char *event_of_page(const PGresult *rows, const char *cursor, bool more);

/* That the sync must begin anew. */
char *event_start_again(void);

/* A line that keeps the connection; with the place that was reached, unless NULL. */
char *event_heartbeat(const char *cursor);

/* ---- seats.c: how many listen ---- */

enum seat { SEAT_TAKEN, SEAT_CALLER_HAS_MANY, SEAT_NONE_LEFT };

enum seat seat_take(const char *actor, const struct iqm_config *config);
void seat_leave(const char *actor);
void seat_count_event(void);

#endif
