/* Opening and sealing on the way of a change. */
#include "sealed.h"

#include "contract_tables.h"

#include "iqm/mail_body.h"
#include "iqm/recipients.h"

#include <stdio.h>
#include <string.h>

static void opened(struct iqm_vault_opening *opening)
{
    struct writing *writing = opening->user;

    int error = opening->error;

    if (error == 0) /* the answer has what stays as it is */
        error = iqm_recipients_note(writing->call, opening);
    if (error != 0) {
        iqm_resource_sealed(writing->call, error);
        writing_fail(writing);
    } else if (opening->opened[0].ptr == NULL) { /* erased this very moment */
        writing_fail_with(writing, IQM_PROBLEM_NOT_FOUND);
    } else {
        writing->sealing.with_text(writing, opening->opened[0]);
    }
}

void sealed_open(struct writing *writing, struct iqm_slice stored,
    void (*next)(struct writing *writing, struct iqm_slice text))
{
    struct sealing *sealing = &writing->sealing;

    sealing->stored = stored;
    sealing->with_text = next;
    sealing->opening = (struct iqm_vault_opening){.resource = writing->resource,
        .stored = &sealing->stored,
        .count = 1,
        .done = opened,
        .user = writing};
    iqm_vault_open(writing->call->vault, writing->call->arena, &sealing->opening);
}

/* The person is not there, or was erased, perhaps this very moment. */
static void go_on_without_key(struct writing *writing)
{
    struct iqm_call *call = writing->call;
    const char *subject = writing->resource->subject;

    if (writing->kind != WRITING_CREATE && strcmp(subject, "id") != 0 &&
        !iqm_has_personal_members(call->contract, writing->resource, writing->document)) {
        writing->sealing.sealed(writing); /* as it is */
    } else if (writing->kind != WRITING_CREATE) {
        iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
            "The person was erased: nothing personal can be added any more.");
        writing_fail(writing);
    } else if (strcmp(subject, "id") == 0) {
        writing_fail_with(writing, IQM_PROBLEM_PRECONDITION_FAILED);
    } else {
        iqm_problem_at(&call->problem, iqm_arena_printf(call->arena, "/%s", subject),
            "refers to a record that does not exist");
        writing_fail_with(writing, IQM_PROBLEM_VALIDATION_FAILED);
    }
}

/* What the rules want the person to be told. False when memory is out. */
static bool seal_mail(struct writing *writing, const struct iqm_person_key *key)
{
    if (writing->mail == NULL)
        return true;
    writing->mail_body = iqm_mail_body(
        writing->call->arena, key, writing->sealing.person, json_incref(writing->mail_parameters));
    return writing->mail_body != NULL;
}

static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct writing *writing = fetch->user;
    struct iqm_call *call = writing->call;

    if (fetch->error != 0) {
        iqm_resource_sealed(call, fetch->error);
        writing_fail(writing);
        return;
    }
    if (!fetch->keys[0].known) {
        go_on_without_key(writing);
        return;
    }
    writing->stored = iqm_seal_document(call->arena, call->contract, writing->resource,
        iqm_vault_secrets(call->vault), &fetch->keys[0], writing->document);
    if (writing->stored == NULL || !seal_mail(writing, &fetch->keys[0]))
        writing_fail_with(writing, IQM_PROBLEM_INTERNAL_ERROR);
    else
        writing->sealing.sealed(writing);
}

void sealed_seal(struct writing *writing, void (*next)(struct writing *writing))
{
    struct sealing *sealing = &writing->sealing;
    const char *subject = writing->resource->subject;
    const char *person = json_string_value(json_object_get(writing->document, subject));

    snprintf(sealing->person, sizeof sealing->person, "%s", person != NULL ? person : "");
    sealing->sealed = next;
    sealing->key =
        (struct iqm_vault_fetch){.people = (const char(*)[IQM_UUID_TEXT]) & sealing->person,
            .count = 1,
            .make = writing->kind == WRITING_CREATE && strcmp(subject, "id") == 0,
            .done = key_fetched,
            .user = writing};
    iqm_vault_fetch(writing->call->vault, writing->call->arena, &sealing->key);
}
