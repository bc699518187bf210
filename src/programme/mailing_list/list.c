/*
 * Who may be sent relevant information at this moment: a page of JSON, or everybody as CSV.
 *   ([identify, page of people, noted as given out] → keys → lines) … → answer
 * For CSV, page after page is read until the last; each is of its own moment, so that whoever
 * withdraws meanwhile is left out as long as possible.
 */
#include "contract_tables.h"
#include "iqm/csv.h"
#include "iqm/http.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/consent/told.h"
#include "programme/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV_PAGE 500
#define OPENING_MEMORY ((size_t)16 * 1024 * 1024)

/* Columns of the statement. */
enum column { DOC, ID, SINCE, WORDING_VERSION };

struct mailing {
    struct step *step;
    const PGresult *rows;    /* of the page under way */
    struct iqm_arena *arena; /* of that page: what has been opened */
    struct iqm_vault_opening opening;
    int count; /* rows of the page that are given out */
    bool is_csv, any;
    char after[IQM_UUID_TEXT], most[12];
    struct iqm_buffer text;
};

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct mailing *mailing = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_arena_free(mailing->arena);
    iqm_buffer_free(&mailing->text);
}

static void add(struct mailing *mailing, const char *text)
{
    iqm_buffer_text(&mailing->text, text);
}

static void add_item(struct mailing *mailing, const char *const *fields)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "person_id", fields[0], "name",
        fields[1], "email", fields[2], "since", fields[3], "wording_version",
        (json_int_t)strtoll(fields[4], NULL, 10), "withdrawal_url", fields[5]);
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;

    if (mailing->any)
        add(mailing, ",");
    if (text != NULL)
        add(mailing, text);
    mailing->text.failed = mailing->text.failed || text == NULL;
    free(text);
    json_decref(item);
}

/* One person, whose document is open. */
static void add_person(struct mailing *mailing, int row, struct iqm_slice opened)
{
    const struct iqm_services *services = mailing->step->call->services;
    char url[CONSENT_LINK_URL];
    const char *id = PQgetvalue(mailing->rows, row, ID);
    json_t *person = json_loadb(opened.ptr, opened.len, 0, NULL);
    const char *name = iqm_rules_text(person, "name"), *email = iqm_rules_text(person, "email");

    consent_link_url(services->config, id, url);
    if (name != NULL && email != NULL) {
        const char *const fields[] = {id, name, email, PQgetvalue(mailing->rows, row, SINCE),
            PQgetvalue(mailing->rows, row, WORDING_VERSION), url};
        if (mailing->is_csv)
            iqm_csv_record(&mailing->text, fields, IQM_LENGTH(fields));
        else
            add_item(mailing, fields);
        mailing->any = true;
    }
    json_decref(person);
}

/* After the page's last row; NULL where there are no more. */
static const char *next_cursor(struct mailing *mailing)
{
    struct iqm_call *call = mailing->step->call;
    struct iqm_cursor cursor = {.filters = iqm_cursor_filters(call), .key = ""};

    if (PQntuples(mailing->rows) <= mailing->count)
        return NULL;
    memcpy(cursor.id, mailing->after, sizeof cursor.id);
    return iqm_cursor_write(call->arena, &cursor);
}

static void answer(struct mailing *mailing)
{
    struct iqm_call *call = mailing->step->call;
    const char *next = mailing->is_csv ? NULL : next_cursor(mailing);

    if (!mailing->is_csv) {
        add(mailing, next != NULL ? "],\"next\":\"" : "],\"next\":null}");
        if (next != NULL) {
            add(mailing, next);
            add(mailing, "\"}");
        }
        iqm_page_link(call, next);
    }
    if (mailing->text.failed)
        step_fail(mailing->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 200, mailing->is_csv ? "text/csv; charset=utf-8" : "application/json",
            mailing->text.bytes, mailing->text.length);
}

static void page_read(struct step *step, const PGresult *rows);

static void opened(struct iqm_vault_opening *opening)
{
    struct mailing *mailing = opening->user;
    struct step *step = mailing->step;

    if (opening->error != 0) {
        iqm_resource_sealed(step->call, opening->error);
        iqm_call_fail(step->call);
        return;
    }
    for (int row = 0; row < mailing->count; row++) {
        if (opening->opened[row].ptr != NULL) /* else erased this very moment */
            add_person(mailing, row, opening->opened[row]);
    }
    bool goes_on = PQntuples(mailing->rows) > mailing->count;
    iqm_arena_free(mailing->arena);
    mailing->arena = NULL;
    if (mailing->is_csv && goes_on)
        step_change(step, step->call->operation->statement, page_read);
    else
        answer(mailing);
}

static void page_read(struct step *step, const PGresult *rows)
{
    struct mailing *mailing = step->user;
    int most = atoi(mailing->most), found = PQntuples(rows);

    mailing->rows = rows;
    mailing->count = found < most ? found : most;
    mailing->arena = iqm_arena_new(OPENING_MEMORY);
    struct iqm_slice *stored =
        mailing->arena != NULL
            ? iqm_arena_array(mailing->arena, (size_t)mailing->count + 1, sizeof *stored)
            : NULL;
    if (stored == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
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

/* Where the page begins. 0 or IQM_EPROBLEM. */
static int take_cursor(struct mailing *mailing, struct iqm_call *call)
{
    struct iqm_slice text = iqm_call_parameter(call, "cursor");
    struct iqm_cursor cursor;

    snprintf(mailing->after, sizeof mailing->after, "00000000-0000-0000-0000-000000000000");
    if (text.ptr == NULL || mailing->is_csv)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) != 0 || cursor.sort != 0 ||
        cursor.filters != iqm_cursor_filters(call) ||
        !iqm_format_matches(IQM_FORMAT_UUID, cursor.id, strlen(cursor.id)))
        return iqm_cursor_refuse(call);
    memcpy(mailing->after, cursor.id, sizeof mailing->after);
    return 0;
}

static void begin(struct mailing *mailing)
{
    static const char *const names[] = {
        "person_id", "name", "email", "since", "wording_version", "withdrawal_url"};
    struct step *step = mailing->step;

    if (mailing->is_csv)
        iqm_csv_record(&mailing->text, names, IQM_LENGTH(names));
    else
        add(mailing, "{\"items\":[");
    step->values[0].text = mailing->after;
    step->values[1].text = mailing->most;
    step_change(step, step->call->operation->statement, page_read);
}

void iqm_op_get_mailing_list(struct iqm_call *call)
{
    struct mailing *mailing = iqm_arena_alloc(call->arena, sizeof *mailing);

    if (mailing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    mailing->is_csv = iqm_call_prefers(call, "text/csv", "application/json");
    snprintf(mailing->most, sizeof mailing->most, "%d",
        mailing->is_csv ? CSV_PAGE : atoi(iqm_call_parameter(call, "limit").ptr));
    if (take_cursor(mailing, call) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    mailing->step = step_new(call);
    if (mailing->step == NULL)
        return;
    mailing->step->user = mailing;
    call->release = release;
    begin(mailing);
}
