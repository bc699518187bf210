/* A part of a text with the words of a search marked. */
#ifndef IQM_PROGRAMME_CONTRIBUTION_HIGHLIGHT_H
#define IQM_PROGRAMME_CONTRIBUTION_HIGHLIGHT_H

#include "iqm/arena.h"

#define HIGHLIGHT_STEMS_MAX 32
/* Bytes of text that are shown, and what they become at most, terminator included. */
#define HIGHLIGHT_SHOWN 240
#define HIGHLIGHT_TEXT 4000

/* The stems searched for, borrowed from the query's text; those beyond the maximum are not marked.
 */
struct highlight {
    struct iqm_slice stems[HIGHLIGHT_STEMS_MAX];
    size_t count;
};

/* Takes the stems from a query as PostgreSQL writes it ('read' & !'noise'); not the excluded ones.
 */
void highlight_read(const char *query, struct highlight *ret_highlight);

/* Writes a part of the document (valid JSON of the storage) around the first marked word as HTML,
 * escaped to stand in a JSON string. Returns its length; it is terminated. The arena is for work.
 */
size_t highlight_write(const struct highlight *highlight, struct iqm_slice document,
    struct iqm_arena *arena, char ret_text[static HIGHLIGHT_TEXT]);

#endif
