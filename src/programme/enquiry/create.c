/*
 * The public form:
 *   limit → wordings → a key for a new person → [person, enquiry, consents, mails] → 202
 * Whether the address is known is never looked at, so that neither the answer nor the time it takes
 * tells. A key is made only for a form that is good.
 */
#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/consent/made.h"
#include "programme/consent/told.h"
#include "programme/step.h"

#include <string.h>

struct enquiry {
    struct step *step;
    const char *wording; /* that marketing is about; NULL: none was named */
    char person_id[IQM_UUID_TEXT], id[IQM_UUID_TEXT], now[IQM_TIME_TEXT];
    struct iqm_vault_fetch key;
};

/* A new document with these members of the form, sealed, in the arena; NULL when memory is out. */
static const char *seal(
    struct enquiry *enquiry, const char *resource, const char *id, const char *const *members)
{
    struct iqm_call *call = enquiry->step->call;
    json_t *document = json_pack("{s:s, s:i, s:s, s:s}", "id", id, "version", 1, "created_at",
        enquiry->now, "updated_at", enquiry->now);
    const char *stored = NULL;
    int failed = document == NULL;

    if (strcmp(id, enquiry->person_id) != 0)
        failed |= json_object_set_new(document, "person_id", json_string(enquiry->person_id));
    for (; failed == 0 && *members != NULL; members++) {
        json_t *value = json_object_get(call->body, *members);
        if (value != NULL && !json_is_null(value))
            failed = json_object_set(document, *members, value);
    }
    if (failed == 0)
        stored = iqm_seal_document(call->arena, call->contract,
            iqm_contract_resource(call->contract, resource), iqm_vault_secrets(call->vault),
            &enquiry->key.keys[0], document);
    json_decref(document);
    return stored;
}

static void created(struct step *step, const PGresult *rows)
{
    static const char receipt[] = "{\"status\":\"received\"}";

    (void)rows;
    iqm_call_reply(step->call, 202, "application/json", receipt, sizeof receipt - 1);
}

/* False when memory is out. */
static bool seal_mails(struct enquiry *enquiry)
{
    struct step *step = enquiry->step;
    struct iqm_arena *arena = step->call->arena;
    const struct iqm_services *services = step->call->services;
    const struct iqm_person_key *key = &enquiry->key.keys[0];
    const char *wording = enquiry->wording != NULL ? enquiry->wording : "";

    step->values[6].text = iqm_mail_body(arena, key, enquiry->person_id, json_object());
    step->values[7].text =
        consent_confirmation(arena, services->config, key, enquiry->person_id, wording);
    return step->values[6].text != NULL && step->values[7].text != NULL;
}

static void key_made(struct iqm_vault_fetch *fetch)
{
    static const char *const of_person[] = {"name", "email", "telephone", NULL};
    static const char *const of_enquiry[] = {"school_name", "message", NULL};
    struct enquiry *enquiry = fetch->user;
    struct step *step = enquiry->step;
    struct iqm_call *call = step->call;
    struct iqm_pg_value wordings[3];

    if (fetch->error != 0) {
        iqm_resource_sealed(call, fetch->error);
        iqm_call_fail(call);
        return;
    }
    memcpy(wordings, step->values, sizeof wordings);
    memcpy(&step->values[2], wordings, sizeof wordings);
    step->values[0].text = seal(enquiry, "person", enquiry->person_id, of_person);
    step->values[1].text = seal(enquiry, "enquiry", enquiry->id, of_enquiry);
    step->values[5].text = call->request_id;
    if (!fetch->keys[0].known || step->values[0].text == NULL || step->values[1].text == NULL ||
        !seal_mails(enquiry))
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        step_change(step, call->operation->statement, created);
}

static void checked(struct step *step, const PGresult *rows)
{
    struct enquiry *enquiry = step->user;

    if (PQgetisnull(rows, 0, 0) == 0) {
        consent_refuse_wording(step, PQgetvalue(rows, 0, 1), PQgetvalue(rows, 0, 0));
        return;
    }
    if (PQgetisnull(rows, 0, 2) == 0)
        enquiry->wording = iqm_arena_string(step->call->arena, PQgetvalue(rows, 0, 2));
    iqm_uuid7(enquiry->person_id);
    iqm_uuid7(enquiry->id);
    iqm_time_now(enquiry->now);
    enquiry->key = (struct iqm_vault_fetch){
        .people = &enquiry->person_id, .count = 1, .make = true, .done = key_made, .user = enquiry};
    iqm_vault_fetch(step->call->vault, step->call->arena, &enquiry->key);
}

static bool says(const struct iqm_call *call, const char *member)
{
    return json_is_true(json_object_get(call->body, member));
}

void iqm_op_create_enquiry(struct iqm_call *call)
{
    struct step *step = step_new_of_form(call);
    struct enquiry *enquiry = iqm_arena_alloc(call->arena, sizeof *enquiry);

    if (step == NULL)
        return;
    if (enquiry == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    if (!says(call, "contact_consent")) {
        iqm_problem_at(&call->problem, "/contact_consent",
            "must be true: without this consent nobody can be answered");
        step_fail(step, IQM_PROBLEM_VALIDATION_FAILED, NULL);
        return;
    }
    enquiry->step = step;
    step->user = enquiry;
    step->values[0].text = iqm_rules_text(call->body, "contact_wording_id");
    step->values[1].text = says(call, "marketing_consent") ? "true" : "false";
    step->values[2].text = iqm_rules_text(call->body, "marketing_wording_id");
    step_read(step, IQM_STATEMENT_CHECK_ENQUIRY, checked);
}
