/*
 * A request in public, second half: who has the code from the mail has the address.
 *   [what was asked, whom to tell] → keys → the mail sealed → [requests and mail, where it is
 * right] A wrong code takes as long, whether or not somebody has the address: then keys of nobody
 * are asked for, and what is sealed is thrown away.
 */
#include "contract_tables.h"
#include "iqm/mail_body.h"
#include "iqm/request_clock.h"
#include "iqm/resource.h"
#include "programme/privacy_request/holidays.h"
#include "programme/privacy_request/told.h"
#include "programme/request_verification/verification.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* As many as find_verification_person gives. */
#define PEOPLE 2

enum value {
    VALUE_ID,
    VALUE_HASH,
    VALUE_RECEIVED,
    VALUE_DUE,
    VALUE_ACKNOWLEDGE,
    VALUE_REQUEST,
    VALUE_TOLD,
    VALUE_REFERENCE,
    VALUE_MAIL
};
enum column { PERSON, KIND, HOLIDAYS };

struct confirmation {
    char today[IQM_DATE_TEXT], due_on[IQM_DATE_TEXT], acknowledge_by[IQM_DATE_TEXT];
    char reference[IQM_UUID_TEXT]; /* of the request that the mail is about */
    const char *kind;
    char people[PEOPLE][IQM_UUID_TEXT];
    struct iqm_vault_fetch fetch;
};

static void fail(struct step *step)
{
    step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
}

static void confirmed(struct step *step, const PGresult *rows)
{
    static const char text[] = "{\"status\":\"received\"}";

    if (step_says(rows, "t"))
        iqm_call_reply(step->call, 200, "application/json", text, sizeof text - 1);
    else
        step_fail(step, IQM_PROBLEM_WRONG_CODE, NULL);
}

/* 0 or IQM_ENOMEM. */
static int tell_days(struct step *step, const char *list)
{
    struct confirmation *confirmation = step->user;
    struct iqm_request_clock clock = {.received_on = confirmation->today};
    struct iqm_bank_holidays holidays;
    json_t *days = json_loads(list, 0, NULL);
    int error = days != NULL ? holidays_read(step->call->arena, days, &holidays) : IQM_ENOMEM;

    json_decref(days);
    if (error != 0)
        return error;
    iqm_request_due(&clock, &holidays, confirmation->due_on);
    iqm_complaint_acknowledge_by(confirmation->today, &holidays, confirmation->acknowledge_by);
    return 0;
}

static void confirm(struct step *step, const char *mail)
{
    struct iqm_call *call = step->call;
    struct confirmation *confirmation = step->user;
    const char *id = call->path_values[0].ptr, *code = iqm_rules_text(call->body, "code");

    if (mail == NULL ||
        verification_hash(step, VALUE_HASH, id, (struct iqm_slice){code, strlen(code)}) != 0) {
        fail(step);
        return;
    }
    step->values[VALUE_ID].text = id;
    step->values[VALUE_RECEIVED].text = confirmation->today;
    step->values[VALUE_DUE].text = confirmation->due_on;
    step->values[VALUE_ACKNOWLEDGE].text = confirmation->acknowledge_by;
    step->values[VALUE_REQUEST].text = call->request_id;
    step->values[VALUE_TOLD].text = confirmation->people[0];
    step->values[VALUE_REFERENCE].text = confirmation->reference;
    step->values[VALUE_MAIL].text = mail;
    step_change(step, call->operation->statement, confirmed);
}

static void keys_fetched(struct iqm_vault_fetch *fetch)
{
    struct step *step = fetch->user;
    struct confirmation *confirmation = step->user;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
        return;
    }
    if (!fetch->keys[0].known)
        randombytes_buf(fetch->keys[0].bytes, sizeof fetch->keys[0].bytes);
    iqm_uuid7(confirmation->reference);
    confirm(step, iqm_mail_body(step->call->arena, &fetch->keys[0], confirmation->people[0],
                      request_received_mail(
                          confirmation->kind, confirmation->reference, confirmation->due_on)));
}

static void seen(struct step *step, const PGresult *rows)
{
    struct confirmation *confirmation = step->user;
    struct iqm_arena *arena = step->call->arena;

    confirmation->kind =
        PQntuples(rows) == PEOPLE ? iqm_arena_string(arena, PQgetvalue(rows, 0, KIND)) : NULL;
    if (confirmation->kind == NULL || tell_days(step, PQgetvalue(rows, 0, HOLIDAYS)) != 0) {
        fail(step);
        return;
    }
    for (int i = 0; i < PEOPLE; i++)
        snprintf(confirmation->people[i], IQM_UUID_TEXT, "%s", PQgetvalue(rows, i, PERSON));
    confirmation->fetch = (struct iqm_vault_fetch){
        .people = confirmation->people, .count = PEOPLE, .done = keys_fetched, .user = step};
    iqm_vault_fetch(step->call->vault, arena, &confirmation->fetch);
}

void iqm_op_confirm_request_verification(struct iqm_call *call)
{
    struct step *step = step_new_of_form(call);

    if (step == NULL)
        return;
    struct confirmation *confirmation = iqm_arena_alloc(call->arena, sizeof *confirmation);
    if (confirmation == NULL) {
        fail(step);
        return;
    }
    iqm_calendar_day(time(NULL), confirmation->today);
    step->user = confirmation;
    step->values[0].text = confirmation->today;
    step->values[1].text = call->path_values[0].ptr;
    step_read(step, IQM_STATEMENT_SEE_REQUEST_VERIFICATION, seen);
}
