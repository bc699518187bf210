/* Where the caller is signed in. From where, and what each browser said it is, comes sealed under
 * the caller's key. [identify, sessions and whose they are] → key → open */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

struct sessions {
    struct step *step;
    char person[IQM_UUID_TEXT];
    json_t *list; /* while it is opened */
    struct iqm_vault_fetch key;
};

/* Opened, or null where it cannot be. */
static json_t *open_member(const struct sessions *sessions, const char *member, const char *sealed)
{
    struct iqm_seal_place place = {sessions->person, "session", member};
    const struct iqm_person_key *key = &sessions->key.keys[0];
    struct iqm_slice clear;

    if (!key->known || iqm_unseal(sessions->step->call->arena, key, &place,
                           (struct iqm_slice){sealed, strlen(sealed)}, &clear) != 0)
        return json_null();
    json_t *value = json_loadb(clear.ptr, clear.len, JSON_DECODE_ANY, NULL);
    return value != NULL ? value : json_null();
}

static int open_session(const struct sessions *sessions, json_t *item)
{
    static const char *const members[] = {"address", "agent"};
    int failed = 0;

    for (size_t i = 0; i < IQM_LENGTH(members); i++) {
        const char *sealed = json_string_value(json_object_get(item, members[i]));
        if (sealed != NULL)
            failed |=
                json_object_set_new(item, members[i], open_member(sessions, members[i], sealed));
    }
    return failed;
}

static int open_sessions(const struct sessions *sessions)
{
    json_t *item;
    size_t i;
    int failed = 0;

    json_array_foreach(json_object_get(sessions->list, "items"), i, item)
    {
        failed |= open_session(sessions, item);
    }
    return failed == 0 ? 0 : IQM_ENOMEM;
}

static void answer(const struct sessions *sessions)
{
    struct iqm_call *call = sessions->step->call;
    size_t length = json_dumpb(sessions->list, NULL, 0, JSON_COMPACT);
    char *text = iqm_arena_bytes(call->arena, length + 1);

    if (text == NULL || json_dumpb(sessions->list, text, length, JSON_COMPACT) != length)
        step_fail(sessions->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 200, "application/json", text, length);
}

static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct sessions *sessions = fetch->user;
    struct step *step = sessions->step;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
    } else if (open_sessions(sessions) != 0) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    } else {
        answer(sessions);
    }
    json_decref(sessions->list);
}

static void sessions_read(struct step *step, const PGresult *rows)
{
    struct sessions *sessions = step->user;

    if (PQntuples(rows) != 1) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    if (PQgetisnull(rows, 0, 1) == 1) { /* an operator's token is of no person */
        step_answer_document(step, rows);
        return;
    }
    sessions->list = json_loadb(PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0), 0, NULL);
    if (sessions->list == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    snprintf(sessions->person, sizeof sessions->person, "%s", PQgetvalue(rows, 0, 1));
    sessions->key = (struct iqm_vault_fetch){
        .people = &sessions->person, .count = 1, .done = key_fetched, .user = sessions};
    iqm_vault_fetch(step->call->vault, step->call->arena, &sessions->key);
}

/* The token names the session that is the caller's own. Without one, nothing is asked. */
void iqm_op_list_sessions(struct iqm_call *call)
{
    struct iqm_slice token = iqm_call_bearer(call);
    struct step *step = step_new(call);
    struct sessions *sessions = iqm_arena_alloc(call->arena, sizeof *sessions);

    if (step == NULL)
        return;
    if (sessions == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    sessions->step = step;
    step->user = sessions;
    if (token.ptr != NULL)
        step_hash(step, 0, token);
    step_read(step, call->operation->statement, sessions_read);
}
