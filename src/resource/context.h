/* The context statement of a resource: rows that its rules want to see. */
#ifndef IQM_RESOURCE_CONTEXT_H
#define IQM_RESOURCE_CONTEXT_H

#include "write.h"

/* Takes the statement's parameters from the document and sets writing->asks: it is not asked where
 * the document names nothing for it to look up. 0 or IQM_EPROBLEM. */
int context_take(struct writing *writing);

/* Adds it to the batch. */
void context_add(struct writing *writing);

/* What it told, in the arena; NULL for no row. */
const char *context_text(const struct writing *writing, const PGresult *rows);

#endif
