/*
 * What programs that work offline are told comes in the order of transactions, so one that stays
 * open holds up what was written after it. How long, the metrics tell; and who has written and then
 * leaves a transaction alone is ended.
 */
#ifndef IQM_SYNC_H
#define IQM_SYNC_H

#include "iqm/pg.h"

/* How often it is looked. */
#define IQM_SYNC_LOOK_MS 5000

/* From each worker's loop about once a second; one of them looks. */
void iqm_sync_upkeep(struct iqm_pg *pg, void *services);

/* For how many seconds the change that has waited longest has waited, as of the last look; from any
 * thread. */
double iqm_sync_lag(void);

/* Tells the worker's listeners what changed; from its loop, a few times a second. When the server
 * stops, their streams end. */
void iqm_sync_pulse(struct iqm_pg *pg, void *services);

/* How many listen to events, and how many events they were sent; from any thread. */
uint64_t iqm_sync_listeners(void);
uint64_t iqm_sync_events(void);

#endif
