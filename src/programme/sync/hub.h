/*
 * What the listeners of one worker have in common, for the files that tell them: hub.c has the list
 * and the pulse, look.c asks whether anything happened, group.c asks for them in turn.
 */
#ifndef IQM_PROGRAMME_SYNC_HUB_H
#define IQM_PROGRAMME_SYNC_HUB_H

#include "iqm/buffer.h"
#include "listener.h"

#define HUB_FEW 32 /* so many are asked for without asking whom the feed's moves concern */

struct hub {
    struct listener *first, *last; /* who was asked for last comes last */
    unsigned count;
    struct sync_place place; /* up to which it is known whom it concerns; xid "": begins */
    bool concern;            /* whom the feed's moves concern is to be asked */
};

/* The worker's own. */
extern _Thread_local struct hub hub;

/* After the others. */
void hub_to_the_end(struct listener *listener);

void hub_all_are_due(void);
void hub_take_place(const char *xid, const char *record, const char *ceiling);

/* Adds bytes, by their hexadecimal digits, to the array of PostgreSQL's that the text begins. */
void hub_add_bytes(struct iqm_buffer *array, const char *hex);

/* Where nobody listens, nothing is kept: the thread may end. */
void hub_tidy(void);

/* ---- look.c ---- */

/* Whether the feed has moved, and which of those who were not spoken to for a while may still
 * listen: they hear that we are there. There are listeners. */
void look_around(struct iqm_pg *pg, const struct iqm_config *config);

void look_forget(struct listener *listener); /* it is going */
void look_tidy(void);

/* ---- group.c ---- */

/* Asks for the next ones whose turn it is, unless some are asked for already. */
void group_begin(struct iqm_pg *pg);

void group_tidy(void);

#endif
