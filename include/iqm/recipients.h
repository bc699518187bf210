/* That a program of somebody else's was given data about a person: for whoever erases it one day.
 */
#ifndef IQM_RECIPIENTS_H
#define IQM_RECIPIENTS_H

#include "iqm/call.h"
#include "iqm/pg.h"
#include "iqm/vault.h"

/* Notes, where the call came through a registered client, that it was given the person with this
 * id. Gathered per worker and written within a second or so. */
void iqm_recipients_note(struct iqm_call *call, const char *person_id);

/* The same of everybody whose document has been opened. */
void iqm_recipients_note_opened(struct iqm_call *call, const struct iqm_vault_opening *opening);

/* Writes down what was gathered; from the worker's loop, about once a second. */
void iqm_recipients_upkeep(struct iqm_pg *pg);

#endif
