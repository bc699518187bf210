/*
 * A record of the ledger of consents, made by a person for themselves or by head office for
 * anybody. [identify, record] with a note: [identify, person] → key → seal → [identify, record] The
 * ledger keeps its records for good; so what a note tells about the person is sealed under the
 * person's key, and gone with it.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "iqm/vault.h"
#include "programme/consent/made.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

struct record {
    struct step *step;
    char person[IQM_UUID_TEXT];
    const char *note; /* clear; NULL: none */
    struct iqm_vault_fetch key;
};

static void refuse_person(struct step *step)
{
    iqm_problem_at(&step->call->problem, "/person_id", "refers to a record that does not exist");
    step_fail(step, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

static void forbid(struct step *step, const struct iqm_problem_type *type, const char *pointer,
    const char *sentence)
{
    struct iqm_call *call = step->call;

    call->denied = true;
    iqm_problem_at(&call->problem, pointer, "%s", sentence);
    iqm_problem_set(&call->problem, type, NULL);
    iqm_auth_fail(call);
}

static void refuse(struct step *step, const char *outcome)
{
    if (strcmp(outcome, "person") == 0)
        refuse_person(step);
    else if (strcmp(outcome, "note") == 0)
        forbid(step, IQM_PROBLEM_MEMBER_FORBIDDEN, "/note", "is for head office to add");
    else if (strcmp(outcome, "foreign") == 0)
        forbid(step, IQM_PROBLEM_RECORD_FORBIDDEN, "/person_id", "is not you");
    else
        consent_refuse_wording(step, outcome, "/wording_id");
}

/* The stored document with the note as it was sent; NULL when memory is out. */
static const char *opened(struct record *record, const PGresult *rows)
{
    json_t *document = json_loadb(PQgetvalue(rows, 0, 1), (size_t)PQgetlength(rows, 0, 1), 0, NULL);
    char *text = NULL;

    if (document != NULL && iqm_rules_set_text(document, "note", record->note) == 0) {
        size_t length = json_dumpb(document, NULL, 0, JSON_COMPACT);
        text = iqm_arena_alloc(record->step->call->arena, length + 1);
        if (text != NULL)
            json_dumpb(document, text, length, JSON_COMPACT);
    }
    json_decref(document);
    return text;
}

static void recorded(struct step *step, const PGresult *rows)
{
    struct record *record = step->user;

    if (!step_says(rows, "made")) {
        refuse(step, PQgetvalue(rows, 0, 0));
        return;
    }
    const char *text = record->note != NULL ? opened(record, rows) : PQgetvalue(rows, 0, 1);
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        consent_answer_made(step, "/v1/consent-records", PQgetvalue(rows, 0, 2), text);
}

static void write_record(struct step *step)
{
    step->is_alone = true;
    step_change(step, step->call->operation->statement, recorded);
}

/* As the ledger keeps it, in the arena; NULL when memory is out. */
static const char *seal_note(struct record *record)
{
    struct iqm_call *call = record->step->call;
    json_t *document = json_pack("{s:s, s:s}", "person_id", record->person, "note", record->note);
    const char *stored = iqm_seal_document(call->arena, call->contract,
        iqm_contract_resource(call->contract, "consent_record"), iqm_vault_secrets(call->vault),
        &record->key.keys[0], document);
    json_t *sealed = stored != NULL ? json_loads(stored, 0, NULL) : NULL;
    const char *note = iqm_rules_text(sealed, "note");

    note = note != NULL ? iqm_arena_string(call->arena, note) : NULL;
    json_decref(sealed);
    json_decref(document);
    return note;
}

static void key_known(struct iqm_vault_fetch *fetch)
{
    struct record *record = fetch->user;
    struct step *step = record->step;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
        return;
    }
    if (!fetch->keys[0].known) { /* erased this very moment */
        refuse_person(step);
        return;
    }
    step->values[4].text = seal_note(record);
    if (step->values[4].text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        write_record(step);
}

/* Only head office adds notes, and sees everybody. */
static void person_seen(struct step *step, const PGresult *rows)
{
    struct record *record = step->user;

    if (!iqm_roles_have(step->call->roles, "head_office")) {
        refuse(step, "note");
        return;
    }
    if (PQntuples(rows) == 0) {
        refuse_person(step);
        return;
    }
    record->key = (struct iqm_vault_fetch){
        .people = &record->person, .count = 1, .done = key_known, .user = record};
    iqm_vault_fetch(step->call->vault, step->call->arena, &record->key);
}

static void take_body(struct record *record, const json_t *body)
{
    struct iqm_pg_value *values = record->step->values;

    snprintf(record->person, sizeof record->person, "%s", iqm_rules_text(body, "person_id"));
    record->note = iqm_rules_text(body, "note");
    values[0].text = record->person;
    values[1].text = iqm_rules_text(body, "purpose");
    values[2].text = json_is_true(json_object_get(body, "granted")) ? "true" : "false";
    values[3].text = iqm_rules_text(body, "wording_id");
}

void iqm_op_create_consent_record(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct record *record = iqm_arena_alloc(call->arena, sizeof *record);

    if (step == NULL)
        return;
    if (record == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    record->step = step;
    step->user = record;
    take_body(record, call->body);
    if (record->note != NULL)
        step_read(step, IQM_STATEMENT_SEE_CONSENTER, person_seen);
    else
        write_record(step);
}
