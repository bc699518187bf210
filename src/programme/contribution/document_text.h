/* The text of a member of a stored document, without parsing the rest of it. */
#ifndef IQM_PROGRAMME_CONTRIBUTION_DOCUMENT_TEXT_H
#define IQM_PROGRAMME_CONTRIBUTION_DOCUMENT_TEXT_H

#include "iqm/arena.h"

/*
 * The text of the string member of this name, of the object's own; ptr NULL where there is none, it
 * is no string, or memory is out. The document is valid JSON of the storage. Borrowed from it where
 * the text has no escapes, else in the arena; not terminated.
 */
struct iqm_slice document_text(
    struct iqm_slice document, const char *name, struct iqm_arena *arena);

#endif
