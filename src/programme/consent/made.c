/* What ledgers answer alike. */
#include "programme/consent/made.h"

#include "contract_tables.h"

#include <string.h>

void consent_answer_made(
    struct step *step, const char *collection, const char *id, const char *document)
{
    struct iqm_call *call = step->call;

    iqm_call_header(call, "Location", iqm_arena_printf(call->arena, "%s/%s", collection, id));
    iqm_call_etag(call, "1");
    iqm_call_reply(call, 201, "application/json", document, strlen(document));
}

bool consent_refuse_wording(struct step *step, const char *outcome, const char *pointer)
{
    static const struct {
        const char *outcome, *sentence;
    } faults[] = {
        {"missing", "is needed: consent is given to words that were shown"},
        {"unknown", "refers to a record that does not exist"},
        {"other_purpose", "is a wording of the other purpose"},
        {"replaced", "was replaced more than a day ago: show the wording in force, and ask again"},
    };

    for (size_t i = 0; i < IQM_LENGTH(faults); i++) {
        if (strcmp(outcome, faults[i].outcome) != 0)
            continue;
        iqm_problem_at(&step->call->problem, pointer, "%s", faults[i].sentence);
        step_fail(step, IQM_PROBLEM_VALIDATION_FAILED, NULL);
        return true;
    }
    return false;
}
