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
void iqm_sync_upkeep(struct iqm_pg *pg);

/* For how many seconds the change that has waited longest has waited, as of the last look; from any
 * thread. */
double iqm_sync_lag(void);

#endif
