/* Statements in the caller's name, one batch after another, and then an answer. */
#ifndef IQM_PROGRAMME_STEP_H
#define IQM_PROGRAMME_STEP_H

#include "iqm/auth.h"
#include "iqm/vault.h"

#define STEP_VALUES_MAX 12

struct step {
    struct iqm_call *call;
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[STEP_VALUES_MAX]; /* of the statement; the caller's to fill */
    uint8_t hash[IQM_TOKEN_HASH];
    void (*next)(struct step *step, const PGresult *rows);
    /* Of a public operation: the statement that says in whose name the next ones read; its
     * parameters are the first of theirs. NULL: in nobody's. */
    const struct iqm_statement *opener;
    /* What goes wrong, with call->problem; NULL: it is answered. */
    void (*failed)(struct step *step);
    bool is_alone; /* its change shares no transaction with others: it locks what they lock, too */
    void *user;    /* the operation's own */
    struct iqm_vault_opening opening;
    void (*opened)(struct step *step, const struct iqm_slice *documents);
};

/* A step for the call, in its arena; NULL after failing the call. Lives as long as the call. */
struct step *step_new(struct iqm_call *call);

/* The same for a public form, which counts with the sign-ins of its address. */
struct step *step_new_of_form(struct iqm_call *call);

/* Makes a value the keyed hash of a secret. One hash a step. */
void step_hash(struct step *step, unsigned value, struct iqm_slice secret);

/* A step that makes a new secret of this kind: its text is `user`, its hash value 1; value 0 is the
 * id in the path. NULL after failing the call. */
struct step *step_new_with_secret(struct iqm_call *call, const char *prefix);

/*
 * Runs a statement with the values, after establishing who calls where the operation is not public;
 * then `next`, with rows that live until the next statement or the call's end. What goes wrong is
 * answered here, or told to `failed` where that is set.
 */
void step_read(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows));
void step_change(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows));

/* Only establishes who calls an operation that is not public; `rows` is NULL. */
void step_identify(struct step *step, void (*next)(struct step *step, const PGresult *rows));

/* Runs a statement whose parameters are those of the path and the query by their names, and what
 * the caller has set of others; otherwise as step_read. */
void step_read_asked(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows));

/* The same of the operation's own statement, which may take long: see iqm_pg_report. */
void step_report_asked(struct step *step, void (*next)(struct step *step, const PGresult *rows));

/*
 * Opens stored documents of people, or parts of them that name the person; then `next`, with the
 * clear ones in their order: ptr NULL where the person was erased. They are the call's. What goes
 * wrong is answered here.
 */
void step_open_people(struct step *step, const struct iqm_slice *stored, size_t count,
    void (*next)(struct step *step, const struct iqm_slice *documents));

/* Whether there is a row, and a value in this column of it; answers 404 or 403 where there is not.
 */
bool step_shows(struct step *step, const PGresult *rows, int column);

/* Answers with the document of the only row, under the same conditions. */
void step_answer_document(struct step *step, const PGresult *rows);

/* Whether the first column of the only row is this text. */
bool step_says(const PGresult *rows, const char *text);

/* Fails the call with a problem; `sentence` NULL takes the type's own. */
void step_fail(struct step *step, const struct iqm_problem_type *type, const char *sentence);

#endif
