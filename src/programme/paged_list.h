/*
 * A list that is read a page at a time, each page at its own moment: one of them as JSON, or all of
 * them as a file, each when the client has taken the one before. So nothing is held meanwhile,
 * however slowly it reads.
 *   read → (paged_list_page → written → sent → read) … → end
 */
#ifndef IQM_PROGRAMME_PAGED_LIST_H
#define IQM_PROGRAMME_PAGED_LIST_H

#include "iqm/export.h"
#include "iqm/resource.h"
#include "programme/step.h"

struct paged_list;

/* What an operation's list is. */
struct paged_kind {
    const char *name;      /* of a sheet */
    const char *file_name; /* without day and ending */
    const char *schema;    /* of an item, by its name in the contract */
    const char *file_most; /* rows of a page of a file */

    /* Reads the next page in the step; then paged_list_page, or paged_list_fail. */
    void (*read)(struct paged_list *list);
    /* Tells where the page that follows begins: `id`, `key` and, if need be, `sort`. */
    void (*place)(const struct paged_list *list, struct iqm_cursor *cursor);
    /* Adds members to a page of JSON, each after a comma; NULL: it has none but items and next. */
    void (*add_members)(const struct paged_list *list, struct iqm_buffer *text);
    bool has_version; /* a page of JSON has an ETag */
};

struct paged_list {
    const struct paged_kind *kind;
    struct step *step;        /* `user` is the list */
    struct iqm_export export; /* format NULL: a page of JSON */
    const char *most;         /* rows of a page */
    void *user;               /* the operation's own */

    /* The page, set by `read`. */
    struct iqm_arena *arena; /* paged_list_turn */
    const struct iqm_slice *items;
    size_t count;
    bool goes_on; /* there is another one behind */

    bool is_waiting;        /* the page is not written yet */
    struct iqm_buffer text; /* of a page of JSON */
};

/* Reads what the request asks for and the first page, or fails the call. The list is in the call's
 * arena, with `user` set and the rest zero. */
void paged_list_begin(
    struct paged_list *list, struct iqm_call *call, const struct paged_kind *kind);

/* A new arena for the page that is being read; the page before is gone. NULL after failing. */
struct iqm_arena *paged_list_turn(struct paged_list *list);

/* A parameter of the operation's statement that is its own: where the page begins. */
struct paged_value {
    const char *name, *text;
};

/* Reads with the operation's statement: `limit` is the list's, what is not its own is asked for. */
void paged_list_read(struct paged_list *list, const struct paged_value *own, size_t count,
    void (*next)(struct step *step, const PGresult *rows));

/* The page is read. */
void paged_list_page(struct paged_list *list);

/* Ends it with call->problem, or as an internal error where that is not set: as an answer, or by
 * breaking off the one that has begun. */
void paged_list_fail(struct paged_list *list);

#endif
