/* Reading the record of processing, as JSON and as a page. */
#include "contract_tables.h"
#include "privacy/processing_record/record.h"
#include "programme/step.h"

#include <stdlib.h>
#include <string.h>

static void answer_page(struct step *step, const PGresult *rows)
{
    json_t *record = processing_record(step->call);

    (void)rows;
    if (record != NULL)
        processing_record_reply_page(step->call, record);
    else
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    json_decref(record);
}

static void answer_record(struct step *step, const PGresult *rows)
{
    json_t *record = processing_record(step->call);
    char *text = record != NULL ? json_dumps(record, JSON_COMPACT) : NULL;
    char *copy = text != NULL ? iqm_arena_string(step->call->arena, text) : NULL;

    (void)rows;
    if (copy != NULL)
        iqm_call_reply(step->call, 200, "application/json", copy, strlen(copy));
    else
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    free(text);
    json_decref(record);
}

static void for_caller(
    struct iqm_call *call, void (*answer)(struct step *step, const PGresult *rows))
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_identify(step, answer);
}

void iqm_op_get_processing_record(struct iqm_call *call)
{
    for_caller(call, answer_record);
}

void iqm_op_get_processing_record_page(struct iqm_call *call)
{
    for_caller(call, answer_page);
}
