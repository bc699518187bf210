/*
 * Who may be sent relevant information at this moment: a page of JSON, or everybody as a file.
 *   ([identify, page of people, noted as given out] → keys → items → sent) … → end
 * For a file, page after page is read until the last, each when the client has taken the one
 * before; each is of its own moment, so that whoever withdraws meanwhile is left out as long as
 * possible.
 */
#include "contract_tables.h"
#include "iqm/export.h"
#include "iqm/http.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/consent/told.h"
#include "programme/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_PAGE 500
#define OPENING_MEMORY ((size_t)16 * 1024 * 1024)

/* Columns of the statement. */
enum column { DOC, ID, SINCE, WORDING_VERSION };

struct mailing {
    struct step *step;
    const PGresult *rows;    /* of the page under way */
    struct iqm_arena *arena; /* of that page: what has been opened, and the items */
    struct iqm_vault_opening opening;
    struct iqm_slice *items;
    int count;     /* rows of the page that are given out */
    bool goes_on;  /* there are more people behind the page */
    bool has_page; /* which is not written yet */
    char after[IQM_UUID_TEXT], most[12];
    struct iqm_export export; /* format NULL: a page of JSON */
    struct iqm_buffer text;   /* of that page */
};

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct mailing *mailing = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_arena_free(mailing->arena);
    iqm_buffer_free(&mailing->text);
    if (mailing->export.format != NULL)
        iqm_export_release(&mailing->export);
}

/* Before the answer has begun it is a problem; afterwards it is cut off. */
static void failed(struct step *step)
{
    struct mailing *mailing = step->user;

    if (mailing->export.answered)
        iqm_call_break(step->call);
    else
        iqm_auth_fail(step->call);
}

static void out_of_memory(struct mailing *mailing)
{
    iqm_problem_set(&mailing->step->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    failed(mailing->step);
}

/* ---- items ---- */

/* As text in the page's arena; ptr NULL when memory is out. */
static struct iqm_slice text_of(struct mailing *mailing, json_t *item)
{
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
    struct iqm_slice copy = {NULL, text != NULL ? strlen(text) : 0};

    if (text != NULL)
        copy.ptr = iqm_arena_copy(mailing->arena, text, copy.len);
    free(text);
    return copy;
}

/* One person, whose document is open. Whoever has no name or address is passed over. 0 or
 * IQM_ENOMEM. */
static int make_item(struct mailing *mailing, int row, struct iqm_slice opened)
{
    const struct iqm_services *services = mailing->step->call->services;
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

/* ---- a page of JSON ---- */

static void add(struct mailing *mailing, const char *text)
{
    iqm_buffer_text(&mailing->text, text);
}

/* After the page's last row; NULL where there are no more. */
static const char *next_cursor(struct mailing *mailing)
{
    struct iqm_call *call = mailing->step->call;
    struct iqm_cursor cursor = {.filters = iqm_cursor_filters(call), .key = ""};

    if (!mailing->goes_on)
        return NULL;
    memcpy(cursor.id, mailing->after, sizeof cursor.id);
    return iqm_cursor_write(call->arena, &cursor);
}

static void answer_page(struct mailing *mailing)
{
    struct iqm_call *call = mailing->step->call;
    const char *next = next_cursor(mailing), *before = "";

    add(mailing, "{\"items\":[");
    for (int row = 0; row < mailing->count; row++) {
        if (mailing->items[row].ptr == NULL)
            continue;
        add(mailing, before);
        iqm_buffer_add(&mailing->text, mailing->items[row].ptr, mailing->items[row].len);
        before = ",";
    }
    add(mailing, next != NULL ? "],\"next\":\"" : "],\"next\":null}");
    if (next != NULL) {
        add(mailing, next);
        add(mailing, "\"}");
    }
    iqm_page_link(call, next);
    if (mailing->text.failed)
        step_fail(mailing->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 200, "application/json", mailing->text.bytes, mailing->text.length);
}

/* ---- reading ---- */

static void write_page(struct mailing *mailing)
{
    mailing->has_page = false;
    iqm_export_rows(&mailing->export, mailing->items, (size_t)mailing->count, mailing->arena);
}

static void opened(struct iqm_vault_opening *opening)
{
    struct mailing *mailing = opening->user;
    struct step *step = mailing->step;

    if (opening->error != 0) {
        iqm_resource_sealed(step->call, opening->error);
        failed(step);
        return;
    }
    for (int row = 0; row < mailing->count; row++) {
        if (opening->opened[row].ptr != NULL && /* else erased this very moment */
            make_item(mailing, row, opening->opened[row]) != 0) {
            out_of_memory(mailing);
            return;
        }
    }
    mailing->has_page = true;
    if (mailing->export.format == NULL)
        answer_page(mailing);
    else if (!mailing->export.answered)
        iqm_export_answer(&mailing->export);
    else
        write_page(mailing);
}

static void page_read(struct step *step, const PGresult *rows)
{
    struct mailing *mailing = step->user;
    int most = atoi(mailing->most), found = PQntuples(rows);

    mailing->rows = rows;
    mailing->count = found < most ? found : most;
    mailing->goes_on = found > most;
    iqm_arena_free(mailing->arena);
    mailing->arena = iqm_arena_new(OPENING_MEMORY);
    struct iqm_slice *stored = NULL;
    if (mailing->arena != NULL) {
        stored = iqm_arena_array(mailing->arena, (size_t)mailing->count + 1, sizeof *stored);
        mailing->items =
            iqm_arena_array(mailing->arena, (size_t)mailing->count + 1, sizeof *stored);
    }
    if (stored == NULL || mailing->items == NULL) {
        out_of_memory(mailing);
        return;
    }
    for (int row = 0; row < mailing->count; row++)
        stored[row] =
            (struct iqm_slice){PQgetvalue(rows, row, DOC), (size_t)PQgetlength(rows, row, DOC)};
    if (mailing->count > 0)
        memcpy(mailing->after, PQgetvalue(rows, mailing->count - 1, ID), IQM_UUID_TEXT);
    mailing->opening = (struct iqm_vault_opening){
        .resource = iqm_contract_resource(step->call->contract, "person"),
        .stored = stored,
        .count = (size_t)mailing->count,
        .done = opened,
        .user = mailing};
    iqm_vault_open(step->call->vault, mailing->arena, &mailing->opening);
}

static void read_page(struct mailing *mailing)
{
    struct step *step = mailing->step;

    step->values[0].text = mailing->after;
    step->values[1].text = mailing->most;
    step_change(step, step->call->operation->statement, page_read);
}

static void next_rows(struct iqm_export *export)
{
    struct mailing *mailing = export->user;

    if (mailing->has_page)
        write_page(mailing);
    else if (mailing->goes_on)
        read_page(mailing);
    else
        iqm_export_close(export);
}

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

/* What one item is: of the contract's answer. */
static uint16_t item_schema(const struct iqm_contract *contract)
{
    uint16_t number = 0;

    while (number + 1U < contract->schema_count &&
           (contract->schemas[number].name == NULL ||
               strcmp(contract->schemas[number].name, "MailingListItem") != 0))
        number++;
    return number;
}

/* What is asked for. 0 or IQM_EPROBLEM. */
static int take_parameters(struct mailing *mailing, struct iqm_call *call)
{
    const struct iqm_export_format *format = iqm_export_wanted(call);

    snprintf(mailing->after, sizeof mailing->after, "00000000-0000-0000-0000-000000000000");
    if (format == NULL) {
        snprintf(mailing->most, sizeof mailing->most, "%s", iqm_call_parameter(call, "limit").ptr);
        return iqm_export_refuse_fields(call) != 0 ? IQM_EPROBLEM : take_cursor(mailing, call);
    }
    snprintf(mailing->most, sizeof mailing->most, "%d", FILE_PAGE);
    mailing->export = (struct iqm_export){.call = call,
        .user = mailing,
        .format = format,
        .name = "mailing_list",
        .file_name = "mailing-list",
        .schema = item_schema(call->contract),
        .next = next_rows};
    return iqm_export_prepare(&mailing->export);
}

void iqm_op_get_mailing_list(struct iqm_call *call)
{
    struct mailing *mailing = iqm_arena_alloc(call->arena, sizeof *mailing);

    if (mailing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    if (take_parameters(mailing, call) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    mailing->step = step_new(call);
    if (mailing->step == NULL)
        return;
    mailing->step->user = mailing;
    mailing->step->failed = failed;
    call->release = release;
    read_page(mailing);
}
