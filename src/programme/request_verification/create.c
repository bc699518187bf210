/*
 * A request in public, first half. Whether an address is known must not be told, neither by the
 * answer nor by how long it takes: for each the same statements are run, as many keys are fetched,
 * among them those of nobody, and as much is sealed. What is done for nobody is thrown away: the
 * mail waits in the outbox as void.
 */
#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/resource.h"
#include "programme/request_verification/verification.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many as find_request_people gives. */
#define PEOPLE_MAX 20

enum value { VALUE_ID, VALUE_INDEX, VALUE_KIND, VALUE_HASH, VALUE_PEOPLE, VALUE_MAIL };

struct verification {
    char id[IQM_UUID_TEXT];
    char index[IQM_BLIND_INDEX_TEXT];
    char code[VERIFICATION_CODE_DIGITS + 1];
    char people[PEOPLE_MAX][IQM_UUID_TEXT];
    bool known[PEOPLE_MAX];
    struct iqm_vault_fetch fetch;
};

static void fail(struct step *step)
{
    step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
}

static void noted(struct step *step, const PGresult *rows)
{
    const struct verification *verification = step->user;
    const char *text = iqm_arena_printf(step->call->arena, "{\"id\":\"%s\",\"expires_at\":\"%s\"}",
        verification->id, PQgetvalue(rows, 0, 0));

    if (text == NULL)
        fail(step);
    else
        iqm_call_reply(step->call, 202, "application/json", text, strlen(text));
}

/* The part of the later record that holds what was said, sealed under this key. */
static char *seal_details(struct step *step, const char *person, const struct iqm_person_key *key)
{
    struct iqm_call *call = step->call;
    json_t *document = json_pack(
        "{s:s, s:O*}", "person_id", person, "details", json_object_get(call->body, "details"));
    char *text = NULL;

    if (document != NULL)
        text = iqm_seal_document(call->arena, call->contract,
            iqm_contract_resource(call->contract, "privacy_request"),
            iqm_vault_secrets(call->vault), key, document);
    json_decref(document);
    return text;
}

/* What the mail is filled with, sealed for whom it goes to. */
static char *seal_mail(struct step *step, const char *person, const struct iqm_person_key *key)
{
    const struct verification *verification = step->user;
    const char *body = iqm_arena_printf(step->call->arena, "{\"code\":\"%s\",\"minutes\":%d}",
        verification->code, VERIFICATION_MINUTES);
    struct iqm_seal_place place = {person, "outbox", "body"};

    if (body == NULL)
        return NULL;
    return iqm_seal(step->call->arena, key, &place, (struct iqm_slice){body, strlen(body)});
}

/* The records to be of those who are known, as an array; `first`: whom the mail goes to. */
static const char *seal_people(struct step *step, size_t *ret_first)
{
    const struct verification *verification = step->user;
    const struct iqm_vault_fetch *fetch = &verification->fetch;
    const char *list = "";
    size_t first = fetch->count;

    for (size_t i = fetch->count; i-- > 0 && list != NULL;) {
        char *sealed = seal_details(step, fetch->people[i], &fetch->keys[i]);
        if (sealed == NULL)
            return NULL;
        if (!verification->known[i] || !fetch->keys[i].known)
            continue;
        list =
            iqm_arena_printf(step->call->arena, "%s%s%s", sealed, list[0] != '\0' ? "," : "", list);
        first = i;
    }
    *ret_first = first < fetch->count ? first : 0;
    return list != NULL ? iqm_arena_printf(step->call->arena, "[%s]", list) : NULL;
}

/* What is sealed for nobody is sealed, too, and never opened. */
static void make_up_keys(struct iqm_vault_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        if (!fetch->keys[i].known)
            randombytes_buf(fetch->keys[i].bytes, sizeof fetch->keys[i].bytes);
    }
}

static void keys_fetched(struct iqm_vault_fetch *fetch)
{
    struct step *step = fetch->user;
    struct verification *verification = step->user;
    size_t first = 0;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
        return;
    }
    make_up_keys(fetch);
    snprintf(verification->code, sizeof verification->code, "%0*" PRIu32, VERIFICATION_CODE_DIGITS,
        randombytes_uniform(100000000));
    const char *people = seal_people(step, &first);
    const char *mail = seal_mail(step, fetch->people[first], &fetch->keys[first]);
    struct iqm_slice code = {verification->code, VERIFICATION_CODE_DIGITS};
    step->values[VALUE_ID].text = verification->id;
    step->values[VALUE_INDEX].text = verification->index;
    step->values[VALUE_KIND].text = iqm_rules_text(step->call->body, "kind");
    step->values[VALUE_PEOPLE].text = people;
    step->values[VALUE_MAIL].text = mail;
    if (people == NULL || mail == NULL ||
        verification_hash(step, VALUE_HASH, verification->id, code) != 0)
        fail(step);
    else
        step_change(step, step->call->operation->statement, noted);
}

static void people_found(struct step *step, const PGresult *rows)
{
    struct verification *verification = step->user;
    size_t count = (size_t)PQntuples(rows) < PEOPLE_MAX ? (size_t)PQntuples(rows) : PEOPLE_MAX;

    for (size_t i = 0; i < count; i++) {
        snprintf(verification->people[i], IQM_UUID_TEXT, "%s", PQgetvalue(rows, (int)i, 0));
        verification->known[i] = PQgetvalue(rows, (int)i, 1)[0] == 't';
    }
    verification->fetch = (struct iqm_vault_fetch){
        .people = verification->people, .count = count, .done = keys_fetched, .user = step};
    iqm_vault_fetch(step->call->vault, step->call->arena, &verification->fetch);
}

void iqm_op_create_request_verification(struct iqm_call *call)
{
    struct step *step = step_new_of_form(call);

    if (step == NULL)
        return;
    struct verification *verification = iqm_arena_alloc(call->arena, sizeof *verification);
    if (verification == NULL) {
        fail(step);
        return;
    }
    const char *email = iqm_rules_text(call->body, "email");
    iqm_uuid7(verification->id);
    iqm_email_index(iqm_vault_secrets(call->vault), (struct iqm_slice){email, strlen(email)},
        verification->index);
    step->user = verification;
    step->values[0].text = verification->index;
    step_read(step, IQM_STATEMENT_FIND_REQUEST_PEOPLE, people_found);
}
