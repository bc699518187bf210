/* What get, list and history share: one batch of identity and one statement. */
#ifndef IQM_RESOURCE_READ_H
#define IQM_RESOURCE_READ_H

#include "iqm/resource.h"
#include "iqm/vault.h"

struct reading {
    struct iqm_call *call;
    struct iqm_pg_batch batch; /* results[0] is the identity, results[1] the statement's */
    struct iqm_pg_value values[IQM_PG_PARAMETERS_MAX];
    unsigned value_count;
    void (*answer)(struct reading *reading); /* the caller is known and allowed */
    unsigned limit;                          /* documents of a page */
    bool goes_on;                            /* a cursor was sent */
    const struct listing *listing;           /* of a list */
    int column;                              /* of the documents in the rows */
    struct iqm_vault_opening opening;
    struct including *including; /* of a document with what it names */
};

/* Answers a GET with the parameter `include`. */
void include_get(struct iqm_call *call);

/* Starts a read: identity is in the batch. NULL when the call has been failed already. */
struct reading *reading_begin(struct iqm_call *call, void (*answer)(struct reading *reading));

/* Sends the batch; afterwards `answer` is called, or the call fails. Documents that are about
 * people have been opened by then. */
void reading_send(struct reading *reading);

/* The document of a row, as a client may see it. ptr NULL where there is none: it is not asked for,
 * the version is a deletion, or its person was erased meanwhile. */
struct iqm_slice reading_document(const struct reading *reading, int row);

/* Text being put together in the arena; `failed` once memory is out. */
struct page {
    struct iqm_arena *arena;
    char *text;
    size_t length, room;
    bool failed;
};
/* Starts {"items":[ with room for the documents of the rows. Returns how many of them the page
 * takes: `limit`, or fewer where the page would become longer than PAGE_BYTES_MAX; never none. */
#define PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024)
int page_open(struct page *page, const PGresult *rows, int column, int limit);
void page_add(struct page *page, const char *bytes, size_t len);
void page_add_string(struct page *page, const char *string);
/* Closes {"items":[…  with the cursor and answers. */
void page_reply(struct iqm_call *call, struct page *page, const char *cursor);

#endif
