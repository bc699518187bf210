/* A request in public, second half: who has the code from the mail has the address. */
#include "contract_tables.h"
#include "iqm/request_clock.h"
#include "iqm/resource.h"
#include "programme/privacy_request/holidays.h"
#include "programme/request_verification/verification.h"

#include <string.h>
#include <time.h>

enum value { VALUE_ID, VALUE_HASH, VALUE_RECEIVED, VALUE_DUE, VALUE_ACKNOWLEDGE, VALUE_REQUEST };

struct confirmation {
    char today[IQM_DATE_TEXT], due_on[IQM_DATE_TEXT], acknowledge_by[IQM_DATE_TEXT];
};

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

static void holidays_known(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    struct confirmation *confirmation = step->user;
    const char *id = call->path_values[0].ptr, *code = iqm_rules_text(call->body, "code");

    if (tell_days(step, PQgetvalue(rows, 0, 0)) != 0 ||
        verification_hash(step, VALUE_HASH, id, (struct iqm_slice){code, strlen(code)}) != 0) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    step->values[VALUE_ID].text = id;
    step->values[VALUE_RECEIVED].text = confirmation->today;
    step->values[VALUE_DUE].text = confirmation->due_on;
    step->values[VALUE_ACKNOWLEDGE].text = confirmation->acknowledge_by;
    step->values[VALUE_REQUEST].text = call->request_id;
    step_change(step, call->operation->statement, confirmed);
}

void iqm_op_confirm_request_verification(struct iqm_call *call)
{
    struct step *step = step_new_of_form(call);

    if (step == NULL)
        return;
    struct confirmation *confirmation = iqm_arena_alloc(call->arena, sizeof *confirmation);
    if (confirmation == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    iqm_calendar_day(time(NULL), confirmation->today);
    step->user = confirmation;
    step->values[0].text = confirmation->today;
    step_read(step, IQM_STATEMENT_READ_BANK_HOLIDAYS, holidays_known);
}
