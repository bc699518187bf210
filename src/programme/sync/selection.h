/* What of which kinds of records a program wants to hold: the parameter `fields` of a pull. */
#ifndef IQM_PROGRAMME_SYNC_SELECTION_H
#define IQM_PROGRAMME_SYNC_SELECTION_H

#include "iqm/wanted_fields.h"

#define SYNC_KINDS_MAX 32

struct sync_selection {
    struct sync_selected {
        const struct iqm_resource *resource;
        bool whole;
        struct iqm_wanted_fields fields;
    } kinds[SYNC_KINDS_MAX];
    unsigned count;    /* 0: everything */
    const char *print; /* a word for cursors, the same for the same words */
};

/* Reads and checks it. 0, or IQM_EPROBLEM with call->problem set. */
int sync_selection_read(struct iqm_call *call, struct sync_selection *ret_selection);

/* Whether records of this kind are wanted. */
bool sync_selection_has(const struct sync_selection *selection, const char *kind);

/* Of a document of a kind that is wanted, what is; in the arena. ptr NULL when memory is out. */
struct iqm_slice sync_selection_cut(const struct sync_selection *selection, struct iqm_arena *arena,
    const char *kind, struct iqm_slice document);

/* Whether a cursor with this print may go on. */
bool sync_selection_fits(const struct sync_selection *selection, const char *print);

#endif
