/*
 * Who may be sent relevant information at this moment: a page of JSON, or everybody as a file.
 *   ([identify, page of people, noted as given out] → keys → items → sent) … → end
 * For a file, page after page is read until the last, each when the client has taken the one
 * before; each is of its own moment, so that whoever withdraws meanwhile is left out as long as
 * possible.
 */
#include "contract_tables.h"
#include "iqm/http.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/consent/told.h"
#include "programme/paged_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the statement. */
enum column { DOC, ID, SINCE, WORDING_VERSION };

struct mailing {
    struct paged_list list;
    const PGresult *rows; /* of the page under way */
    struct iqm_vault_opening opening;
    struct iqm_slice *items;
    char after[IQM_UUID_TEXT];
};

/* ---- items ---- */

/* As text in the page's arena; ptr NULL when memory is out. */
static struct iqm_slice text_of(struct mailing *mailing, json_t *item)
{
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
    struct iqm_slice copy = {NULL, text != NULL ? strlen(text) : 0};

    if (text != NULL)
        copy.ptr = iqm_arena_copy(mailing->list.arena, text, copy.len);
    free(text);
    return copy;
}

/* One person, whose document is open. Whoever has no name or address is passed over. 0 or
 * IQM_ENOMEM. */
static int make_item(struct mailing *mailing, int row, struct iqm_slice opened)
{
    const struct iqm_services *services = mailing->list.step->call->services;
    char url[CONSENT_LINK_URL];
    const char *id = PQgetvalue(mailing->rows, row, ID);
    json_t *person = json_loadb(opened.ptr, opened.len, 0, NULL);
    const char *name = iqm_rules_text(person, "name"), *email = iqm_rules_text(person, "email");
    int error = 0;

    consent_link_url(services->config, id, url);
    if (name != NULL && email != NULL) {
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "person_id", id, "name", name,
            "email", email, "since", PQgetvalue(mailing->rows, row, SINCE), "wording_version",
            (json_int_t)strtoll(PQgetvalue(mailing->rows, row, WORDING_VERSION), NULL, 10),
            "withdrawal_url", url);
        mailing->items[row] = text_of(mailing, item);
        error = mailing->items[row].ptr != NULL ? 0 : IQM_ENOMEM;
        json_decref(item);
    }
    json_decref(person);
    return error;
}

/* ---- reading ---- */

static void opened(struct iqm_vault_opening *opening)
{
    struct mailing *mailing = opening->user;
    struct paged_list *list = &mailing->list;

    if (opening->error != 0) {
        iqm_resource_sealed(list->step->call, opening->error);
        paged_list_fail(list);
        return;
    }
    for (size_t row = 0; row < list->count; row++) {
        if (opening->opened[row].ptr != NULL && /* else erased this very moment */
            make_item(mailing, (int)row, opening->opened[row]) != 0) {
            paged_list_fail(list);
            return;
        }
    }
    paged_list_page(list);
}

static void page_read(struct step *step, const PGresult *rows)
{
    struct paged_list *list = step->user;
    struct mailing *mailing = list->user;
    int most = atoi(list->most), found = PQntuples(rows);

    mailing->rows = rows;
    list->goes_on = found > most;
    list->count = (size_t)(list->goes_on ? most : found);
    if (paged_list_turn(list) == NULL)
        return;
    struct iqm_slice *stored = iqm_arena_array(list->arena, list->count + 1, sizeof *stored);
    list->items = mailing->items = iqm_arena_array(list->arena, list->count + 1, sizeof *stored);
    if (stored == NULL || list->items == NULL) {
        paged_list_fail(list);
        return;
    }
    for (size_t row = 0; row < list->count; row++)
        stored[row] = iqm_pg_slice(rows, (int)row, DOC);
    if (list->count > 0)
        memcpy(mailing->after, PQgetvalue(rows, (int)list->count - 1, ID), IQM_UUID_TEXT);
    mailing->opening = (struct iqm_vault_opening){
        .resource = iqm_contract_resource(step->call->contract, "person"),
        .stored = stored,
        .count = list->count,
        .done = opened,
        .user = mailing};
    iqm_vault_open(step->call->vault, list->arena, &mailing->opening);
}

static void read_page(struct paged_list *list)
{
    struct mailing *mailing = list->user;
    struct step *step = list->step;

    step->values[0].text = mailing->after;
    step->values[1].text = list->most;
    step_change(step, step->call->operation->statement, page_read);
}

static void next_place(const struct paged_list *list, struct iqm_cursor *cursor)
{
    const struct mailing *mailing = list->user;

    memcpy(cursor->id, mailing->after, sizeof cursor->id);
}

static const struct paged_kind mailing_list = {.name = "mailing_list",
    .file_name = "mailing-list",
    .schema = "MailingListItem",
    .file_most = "500",
    .read = read_page,
    .place = next_place};

/* ---- beginning ---- */

/* Where the page begins. 0 or IQM_EPROBLEM. */
static int take_cursor(struct mailing *mailing, struct iqm_call *call)
{
    struct iqm_slice text = iqm_call_parameter(call, "cursor");
    struct iqm_cursor cursor;

    if (text.ptr == NULL)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) != 0 || cursor.sort != 0 ||
        cursor.filters != iqm_cursor_filters(call) ||
        !iqm_format_matches(IQM_FORMAT_UUID, cursor.id, strlen(cursor.id)))
        return iqm_cursor_refuse(call);
    memcpy(mailing->after, cursor.id, sizeof mailing->after);
    return 0;
}

void iqm_op_get_mailing_list(struct iqm_call *call)
{
    struct mailing *mailing = iqm_arena_alloc(call->arena, sizeof *mailing);

    if (mailing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    snprintf(mailing->after, sizeof mailing->after, "00000000-0000-0000-0000-000000000000");
    if (take_cursor(mailing, call) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    mailing->list.user = mailing;
    paged_list_begin(&mailing->list, call, &mailing_list);
}
