/*
 * A record of the ledger of consents, made by a person for themselves or by head office for
 * anybody:
 *   [identify, person and wording] → key → note and mail sealed → [identify, record, mail]
 * What needs no key is recorded at once. The ledger keeps its records for good; so what a note
 * tells about the person is sealed under the person's key, and gone with it. People are told by
 * mail what they agreed to, and that they agree no more; keys that are away stand in the way of a
 * note, but of no consent.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/consent/made.h"
#include "programme/consent/told.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

struct record {
    struct step *step;
    char person[IQM_UUID_TEXT];
    const char *note; /* clear; NULL: none */
    bool is_marketing;
    const char *wording; /* its text; NULL: none */
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

static void recorded(struct step *step, const PGresult *rows)
{
    struct record *record = step->user;

    if (!step_says(rows, "made")) {
        refuse(step, PQgetvalue(rows, 0, 0));
        return;
    }
    const char *text = iqm_document_with_text(
        record->step->call->arena, PQgetvalue(rows, 0, 1), "note", record->note);
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        consent_answer_made(step, "/v1/consent-records", PQgetvalue(rows, 0, 2), text);
}

static bool is_granted(const struct record *record)
{
    return json_is_true(json_object_get(record->step->call->body, "granted"));
}

static void take_body(struct record *record)
{
    const json_t *body = record->step->call->body;
    struct iqm_pg_value *values = record->step->values;

    values[0].text = record->person;
    values[1].text = iqm_rules_text(body, "purpose");
    values[2].text = is_granted(record) ? "true" : "false";
    values[3].text = iqm_rules_text(body, "wording_id");
}

static void write_record(struct record *record, const char *note, const char *mail)
{
    struct step *step = record->step;

    take_body(record);
    step->values[4].text = note;
    step->values[5].text = mail;
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

/* What the person is told, sealed; NULL when memory is out. */
static const char *seal_mail(const struct record *record)
{
    const struct iqm_call *call = record->step->call;
    const struct iqm_services *services = call->services;
    const struct iqm_person_key *key = &record->key.keys[0];

    if (!is_granted(record))
        return iqm_mail_body(call->arena, key, record->person, json_object());
    return consent_confirmation(
        call->arena, services->config, key, record->person, record->wording);
}

static void seal_and_write(struct record *record)
{
    bool tells = record->is_marketing && (record->wording != NULL || !is_granted(record));
    const char *note = record->note != NULL ? seal_note(record) : NULL;
    const char *mail = tells ? seal_mail(record) : NULL;

    if ((record->note != NULL && note == NULL) || (tells && mail == NULL))
        step_fail(record->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        write_record(record, note, mail);
}

static void key_known(struct iqm_vault_fetch *fetch)
{
    struct record *record = fetch->user;
    struct step *step = record->step;
    bool is_known = fetch->error == 0 && fetch->keys[0].known;

    if (is_known) {
        seal_and_write(record);
    } else if (record->note == NULL) {
        write_record(record, NULL, NULL);
    } else if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
    } else { /* erased this very moment */
        refuse_person(step);
    }
}

/* Only head office adds notes, and sees everybody. */
static void person_seen(struct step *step, const PGresult *rows)
{
    struct record *record = step->user;
    bool is_seen = PQntuples(rows) > 0;

    if (record->note != NULL && !iqm_roles_have(step->call->roles, "head_office")) {
        refuse(step, "note");
    } else if (!is_seen && record->note != NULL) {
        refuse_person(step);
    } else if (!is_seen) {
        write_record(record, NULL, NULL);
    } else {
        if (PQgetisnull(rows, 0, 0) == 0)
            record->wording = iqm_arena_string(step->call->arena, PQgetvalue(rows, 0, 0));
        record->key = (struct iqm_vault_fetch){
            .people = &record->person, .count = 1, .done = key_known, .user = record};
        iqm_vault_fetch(step->call->vault, step->call->arena, &record->key);
    }
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
    snprintf(record->person, sizeof record->person, "%s", iqm_rules_text(call->body, "person_id"));
    record->note = iqm_rules_text(call->body, "note");
    record->is_marketing = strcmp(iqm_rules_text(call->body, "purpose"), "marketing") == 0;
    if (record->note == NULL && !record->is_marketing) {
        write_record(record, NULL, NULL);
        return;
    }
    step->values[0].text = record->person;
    step->values[1].text = iqm_rules_text(call->body, "wording_id");
    step_read(step, IQM_STATEMENT_SEE_CONSENTER, person_seen);
}
