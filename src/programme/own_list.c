/* [identify, list and whose it is] → key → open */
#include "programme/own_list.h"

#include "contract_tables.h"
#include "iqm/http.h"
#include "iqm/resource.h"

#include <stdio.h>

/* Opened, or null where it cannot be. */
static json_t *open_member(const struct own_list *list, const char *member, const char *sealed)
{
    struct iqm_seal_place place = {list->person, list->resource, member};
    const struct iqm_person_key *key = &list->key.keys[0];
    const char *clear =
        key->known ? iqm_unseal_text(list->step->call->arena, key, &place, sealed) : NULL;

    return clear != NULL ? json_string(clear) : json_null();
}

static int open_item(const struct own_list *list, json_t *item)
{
    int failed = 0;

    for (const char *const *member = list->members; *member != NULL; member++) {
        const char *sealed = json_string_value(json_object_get(item, *member));
        if (sealed != NULL)
            failed |= json_object_set_new(item, *member, open_member(list, *member, sealed));
    }
    return failed;
}

static int open_items(const struct own_list *list)
{
    json_t *item;
    size_t i;
    int failed = 0;

    json_array_foreach(json_object_get(list->document, "items"), i, item)
    {
        failed |= open_item(list, item);
    }
    return failed == 0 ? 0 : IQM_ENOMEM;
}

static void answer(const struct own_list *list)
{
    struct iqm_call *call = list->step->call;
    size_t length = json_dumpb(list->document, NULL, 0, JSON_COMPACT);
    char *text = iqm_arena_bytes(call->arena, length + 1);

    if (text == NULL || json_dumpb(list->document, text, length, JSON_COMPACT) != length)
        step_fail(list->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 200, "application/json", text, length);
}

static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct own_list *list = fetch->user;
    struct step *step = list->step;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
    } else if (open_items(list) != 0) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    } else {
        answer(list);
    }
    json_decref(list->document);
}

static void list_read(struct step *step, const PGresult *rows)
{
    struct own_list *list = step->user;

    if (PQntuples(rows) == 0) { /* the token went after it was looked up */
        step_fail(step, IQM_PROBLEM_UNAUTHORIZED, NULL);
        return;
    }
    if (PQgetisnull(rows, 0, 1) == 1) { /* an operator's token is of no person */
        step_answer_document(step, rows);
        return;
    }
    list->document = json_loadb(PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0), 0, NULL);
    if (list->document == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    snprintf(list->person, sizeof list->person, "%s", PQgetvalue(rows, 0, 1));
    list->key = (struct iqm_vault_fetch){
        .people = &list->person, .count = 1, .done = key_fetched, .user = list};
    iqm_vault_fetch(step->call->vault, step->call->arena, &list->key);
}

void own_list_answer(struct step *step, struct own_list *list)
{
    list->step = step;
    step->user = list;
    step_read(step, step->call->operation->statement, list_read);
}
