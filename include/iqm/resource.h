/*
 * Documents with typed keys, generically: what x-resource and x-action in the contract ask for. A
 * plain resource needs its schema, its operations and a table; one with rules of its own adds one
 * function, and a statement when the rules must see other rows.
 */
#ifndef IQM_RESOURCE_H
#define IQM_RESOURCE_H

#include "iqm/call.h"
#include "iqm/pg.h"

/* What a resource's rules see and may do. */
struct iqm_rules {
    struct iqm_arena *arena;
    const json_t *before; /* the stored document; NULL when it is being created */
    json_t *document;     /* the merged whole; derived members may be set in it */
    const char *context;  /* first column of the context statement's first row; NULL without */
    const char *roles;    /* of the caller, that may do this; NULL: not known yet */
    const char *today;    /* where the schools are, YYYY-MM-DD */
    struct iqm_problem *problem;

    /* A step between statuses; NULL for any other change. */
    const char *transition;  /* its name */
    const char *happened_on; /* its day */
    const json_t *request;   /* what was sent along */
    const char *effect;      /* the rules' own to set: what the operation's statement is told */

    /* The rules' own to set, of a record about a person: a mail to the person in the transaction of
     * the change (iqm/mailer.h). */
    const char *mail;        /* its kind; NULL: none */
    json_t *mail_parameters; /* new */
};

/* The generic handlers named by x-action. */
void iqm_resource_list(struct iqm_call *call);
void iqm_resource_get(struct iqm_call *call);
void iqm_resource_create(struct iqm_call *call);
/* The same with an id that the client chose. */
void iqm_resource_create_as(struct iqm_call *call, const char *id);
void iqm_resource_put(struct iqm_call *call);
void iqm_resource_patch(struct iqm_call *call);
void iqm_resource_delete(struct iqm_call *call);
void iqm_resource_history(struct iqm_call *call);
void iqm_resource_transition(struct iqm_call *call);

/* Answers a call with an Idempotency-Key that fails: as the first time, where it was done before;
 * else with call->problem. */
void iqm_resource_recall(struct iqm_call *call);

/* Sets call->problem for a batch that failed: a constraint by its name, the rest by SQLSTATE.
 * `deleting`: a reference that stands in the way is a conflict. Returns IQM_EPROBLEM. */
int iqm_resource_failure(struct iqm_call *call, const struct iqm_resource *resource,
    const struct iqm_pg_batch *batch, bool deleting);

/* Sets call->problem where keys or sealed members could not be had, 503 or 500. IQM_EPROBLEM. */
int iqm_resource_sealed(struct iqm_call *call, int error);

/* Puts the members of a document into the order of the contract: rules add some at the end. 0 or
 * IQM_ENOMEM. */
int iqm_resource_order(
    const struct iqm_contract *contract, const struct iqm_resource *resource, json_t *document);

/* A page's end, as a cursor tells it. */
struct iqm_cursor {
    uint8_t sort;     /* index into the resource's sorts + 1; 0: by id */
    uint64_t filters; /* hash of what else the request asked for */
    char id[37];
    const char *key; /* value of the sort column, text; "" for sort 0 */
};

/* Longest key a cursor carries, bytes. */
#define IQM_CURSOR_KEY_MAX 800

/* The opaque text of a cursor, in the arena; NULL when memory is out or the key too long. */
char *iqm_cursor_write(struct iqm_arena *arena, const struct iqm_cursor *cursor);

/* Reads it back: 0, IQM_EINVAL when it was not written by iqm_cursor_write, or IQM_ENOMEM. */
int iqm_cursor_read(struct iqm_arena *arena, struct iqm_slice text, struct iqm_cursor *ret_cursor);

/* Hash of everything that the query asks for but the page, so that a cursor cannot be mixed up. */
uint64_t iqm_cursor_filters(const struct iqm_call *call);

/* The page's Link header, from the cursor of the next one (NULL: none). */
void iqm_page_link(struct iqm_call *call, const char *cursor);

/* The problem of a cursor that does not fit: IQM_EPROBLEM. */
int iqm_cursor_refuse(struct iqm_call *call);

/* The validated string member as text; NULL when absent or null. */
const char *iqm_rules_text(const json_t *document, const char *member);

/* The first object of an array whose member is this text; NULL for none. */
const json_t *iqm_rules_find(const json_t *array, const char *member, const char *text);

/* Sets a member to a text, which is copied. 0 or IQM_ENOMEM. */
int iqm_rules_set_text(json_t *document, const char *member, const char *text);

/* The text of a document with a member set to another text, in the arena; the same where that is
 * NULL. NULL when memory is out. */
const char *iqm_document_with_text(
    struct iqm_arena *arena, const char *document, const char *member, const char *text);

/* Runs a check with the context parsed. Where the context statement gave no row, the member at
 * `pointer` refers to what is not there or not the caller's to see: IQM_EPROBLEM. */
int iqm_rules_in_context(struct iqm_rules *rules, const char *pointer,
    int (*check)(struct iqm_rules *rules, const json_t *context));

#endif
