/* One change on its way: create, put, patch and delete are the same steps with other decisions. */
#ifndef IQM_RESOURCE_WRITE_H
#define IQM_RESOURCE_WRITE_H

#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "iqm/vault.h"

struct writing;

/* A record about a person on its way to be opened, and to be sealed again (sealed.c). */
struct sealing {
    char person[IQM_UUID_TEXT];
    struct iqm_slice stored;
    struct iqm_vault_opening opening;
    struct iqm_vault_fetch key;
    void (*with_text)(struct writing *writing, struct iqm_slice text);
    void (*sealed)(struct writing *writing);
};

enum writing_kind {
    WRITING_CREATE,
    WRITING_REPLACE,
    WRITING_PATCH,
    WRITING_DELETE,
    WRITING_TRANSITION,
};

struct statement_text {
    char name[80];
    char sql[400];
};

struct writing {
    struct iqm_call *call;
    const struct iqm_resource *resource;
    enum writing_kind kind;
    const char *id;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_session *session; /* lent until the answer */
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[4];
    struct iqm_pg_value context_values[IQM_PG_PARAMETERS_MAX];
    bool asks; /* the context statement has something to look up */
    struct statement_text texts[IQM_PG_BATCH_MAX];
    json_t *before;         /* the stored document */
    json_t *wanted;         /* what the client asks for, whole */
    json_t *document;       /* what is to be stored */
    char *text;             /* the same as text, as the client is told */
    const char *stored;     /* the same as it is stored */
    struct sealing sealing; /* of a record about a person */
    bool narrows;           /* the change is made with fewer roles than the caller has */
    struct iqm_pg_value narrow_value;
    char version[24];
    char today[IQM_DATE_TEXT];
    char happened_on[IQM_DATE_TEXT]; /* a step's day */
    const char *effect;              /* what the step's own statement is told */
    const char *mail;                /* kind of the mail that the rules leave; NULL: none */
    json_t *mail_parameters;         /* what it is filled with */
    const char *mail_body;           /* the same, sealed; NULL: nobody to tell */
    struct iqm_pg_value mail_values[5];
    bool chosen; /* a new record has an id that the client chose */
    char id_text[IQM_UUID_TEXT];
};

/* Starts a change of the record `id`, or of a new one (NULL); the call fails or is answered later.
 */
void writing_begin(struct iqm_call *call, enum writing_kind kind, const char *id);

/* ---- store.c ---- */

/* Gives the session back and fails the call, with its problem or with one of this type. */
void writing_fail(struct writing *writing);
void writing_fail_with(struct writing *writing, const struct iqm_problem_type *type);

/* Gives the session back and answers with what the record is now. */
void writing_answer(struct writing *writing);

/* Adds a statement on the resource's table, whose name stands for %s in `form`. Names come from the
 * contract and are short. */
void writing_statement(
    struct writing *writing, const char *verb, const char *form, unsigned value_count);

/* Adds the caller's identity; false after failing the call. */
bool writing_identify(struct writing *writing);

/* Sends the batch in the session that was lent. */
void writing_run(struct writing *writing, void (*done)(struct iqm_pg_batch *batch));

/* Whether the batch went through and, where result `identity` (-1: none) says who calls, the caller
 * may do this. Fails the call otherwise. The verdict comes before the error: who may not write sees
 * only that. */
bool writing_went_well(struct writing *writing, int identity);

/* Store writing->stored, leave the record as it is, or delete it, and answer. */
void writing_insert(struct writing *writing);
void writing_update(struct writing *writing);
void writing_leave(struct writing *writing);
void writing_remove(struct writing *writing);

#endif
