/*
 * A person changes the own password:
 *   [identify, read] → rules → limit → compare → hash → [identify, change]
 * Guesses at the current one are limited by account, whoever holds the token.
 */
#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "iqm/password.h"
#include "iqm/services.h"
#include "programme/account/sign_in_address.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

static const struct iqm_limit guesses = {"password", 1, 60, 5};

struct change {
    struct iqm_password_job current, fresh;
    const char *stored;      /* hash of the current password */
    struct iqm_slice person; /* as stored */
};

static struct iqm_slice member(const struct iqm_call *call, const char *name)
{
    const json_t *value = json_object_get(call->body, name);

    return (struct iqm_slice){json_string_value(value), json_string_length(value)};
}

static void changed(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        iqm_call_reply(step->call, 204, NULL, "", 0);
    else /* changed meanwhile, by another sign-in or a link */
        step_fail(step, IQM_PROBLEM_WRONG_PASSWORD, NULL);
}

static void hashed(struct iqm_call *call)
{
    struct step *step = call->state;
    const struct change *change = step->user;

    if (change->fresh.error != 0) {
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    step->values[0].text = change->current.stored;
    step->values[1].text = change->fresh.fresh;
    step->values[2].text = call->session;
    step_change(step, call->operation->statement, changed);
}

static void noted(struct step *step, const PGresult *rows)
{
    (void)rows;
    step_fail(step, IQM_PROBLEM_WRONG_PASSWORD, NULL);
}

static void note_wrong(struct step *step)
{
    step->values[0].text = step->call->account;
    step->values[1].text = step->call->client;
    step->values[2].text = step->call->request_id;
    step_change(step, IQM_STATEMENT_NOTE_WRONG_PASSWORD, noted);
}

static void compared(struct iqm_call *call)
{
    struct step *step = call->state;
    struct change *change = step->user;

    if (change->current.error != 0) {
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    if (!change->current.matches) {
        note_wrong(step);
        return;
    }
    iqm_limit_give_back(IQM_LIMIT_SIGN_IN_PAIR, &guesses, call->account, strlen(call->account));
    change->fresh.make = true;
    if (iqm_password_job_set(&change->fresh, member(call, "new_password")) != 0 ||
        iqm_password_submit(call, &change->fresh, hashed) != 0)
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
}

/* Counted before it is compared, so that guesses sent at once count too. */
static bool is_admitted(struct iqm_call *call)
{
    struct iqm_limit_state state;

    if (iqm_limit_take(IQM_LIMIT_SIGN_IN_PAIR, &guesses, call->account, strlen(call->account),
            iqm_clock_ms(), &state) == 0)
        return true;
    iqm_limits_refuse(call, &state);
    iqm_call_fail(call);
    return false;
}

/* One that is longer than any password can be no one's. */
static void compare(struct step *step, const char *stored)
{
    struct iqm_call *call = step->call;
    struct change *change = step->user;

    snprintf(change->current.stored, sizeof change->current.stored, "%s", stored);
    if (!is_admitted(call))
        return;
    if (iqm_password_job_set(&change->current, member(call, "current_password")) != 0)
        note_wrong(step);
    else if (iqm_password_submit(call, &change->current, compared) != 0)
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
}

static void person_opened(struct step *step, const struct iqm_slice *documents)
{
    struct iqm_call *call = step->call;
    const struct iqm_services *services = call->services;
    const struct change *change = step->user;
    const char *address = sign_in_address(call->arena, documents[0]);
    const char *flaw = iqm_password_flaw(
        iqm_passwords_list(services->passwords), member(call, "new_password"), address);

    if (flaw != NULL) {
        iqm_problem_at(&call->problem, "/new_password", "%s", flaw);
        step_fail(step, IQM_PROBLEM_VALIDATION_FAILED, NULL);
        return;
    }
    compare(step, change->stored);
}

static void credential_read(struct step *step, const PGresult *rows)
{
    struct change *change = step->user;

    if (PQntuples(rows) != 1) {
        step_fail(step, IQM_PROBLEM_FORBIDDEN,
            "Only a person who has signed in has a password to change.");
        return;
    }
    change->stored = PQgetvalue(rows, 0, 0);
    change->person = iqm_pg_slice(rows, 0, 1);
    step_open_people(step, &change->person, 1, person_opened);
}

void iqm_op_change_password(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct change *change = iqm_arena_alloc(call->arena, sizeof *change);

    if (step == NULL)
        return;
    if (change == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    step->user = change;
    step_read(step, IQM_STATEMENT_READ_OWN_CREDENTIAL, credential_read);
}
