/* The answer to what was added to a ledger, and faults of wordings. */
#ifndef IQM_PROGRAMME_CONSENT_MADE_H
#define IQM_PROGRAMME_CONSENT_MADE_H

#include "programme/step.h"

/* 201 with the document, which is borrowed until the call ends. */
void consent_answer_made(
    struct step *step, const char *collection, const char *id, const char *document);

/* Answers 422 where the outcome names a fault of a wording, at `pointer`; false where it does not.
 */
bool consent_refuse_wording(struct step *step, const char *outcome, const char *pointer);

#endif
