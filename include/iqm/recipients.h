/* That a program was given data about a person: for whoever erases it one day. */
#ifndef IQM_RECIPIENTS_H
#define IQM_RECIPIENTS_H

#include "iqm/call.h"
#include "iqm/pg.h"
#include "iqm/vault.h"

/*
 * Notes that the registered client through which the call came, or the operator's token, is given
 * everybody whose document has been opened; nobody, of the server's own pages. Gathered per worker
 * and written within a second or so. 0; IQM_ELIMIT or IQM_ENOMEM where it could not be noted: then
 * nothing is to be given out.
 */
int iqm_recipients_note(struct iqm_call *call, const struct iqm_vault_opening *opening);

/* Writes down what was gathered; from the worker's loop, about once a second. */
void iqm_recipients_upkeep(struct iqm_pg *pg);

/* The same when the worker ends, asked again and again: whether all of it is written. What is not
 * when it is asked for the last time is lost, and logged. */
bool iqm_recipients_leave(struct iqm_pg *pg, bool is_last);

#endif
