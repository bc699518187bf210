/*
 * The calendar behind a feed's secret address, for programs that have nothing but that. First a
 * statement makes the transaction the owner's own, so that the policies of the database decide what
 * it shows; who has no feed, and who sees nothing any more, is answered alike. What the owner calls
 * the feed comes sealed under the owner's key.
 */
#include "contract_tables.h"
#include "iqm/http.h"
#include "iqm/icalendar.h"
#include "programme/calendar_feed/feed.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

#define MEDIA_TYPE "text/calendar; charset=utf-8"
/* Programs that ask oftener bring nothing new sooner. */
#define REFRESH "PT1H"
/* Of a meeting without an end time. */
#define MEETING_LENGTH "PT1H"

enum column {
    FEED,
    OWNER,
    LABEL,
    FEED_PLACE,
    IS_FIRST_TODAY,
    KIND,
    ID,
    VERSION,
    CREATED,
    CHANGED,
    DAY,
    NEXT_DAY,
    TIME,
    END_TIME,
    LOCATION,
    TITLE,
    PLACE,
    CANCELLED
};

struct calendar {
    struct step *step;
    const PGresult *rows;
    char owner[IQM_UUID_TEXT];
    struct iqm_vault_fetch key;
    const char *label; /* clear; NULL: none */
    char *bytes;       /* in the call's arena */
    size_t length;
};

static const char *text_of(const PGresult *rows, int row, enum column column)
{
    return PQgetisnull(rows, row, (int)column) == 1 ? NULL : PQgetvalue(rows, row, (int)column);
}

/* Where the record is: there, whoever may sees its texts; here they would go with the address. */
static const char *address_of(struct iqm_call *call, const PGresult *rows, int row)
{
    const struct iqm_resource *resource =
        iqm_contract_resource(call->contract, text_of(rows, row, KIND));

    return iqm_arena_printf(
        call->arena, "%s%s/%s", iqm_server_url(), resource->collection, text_of(rows, row, ID));
}

static const char *titled(struct iqm_call *call, const char *title, const char *place)
{
    return place != NULL ? iqm_arena_printf(call->arena, "%s: %s", title, place) : title;
}

static void add_event(struct iqm_call *call, struct iqm_buffer *out, const PGresult *rows, int row)
{
    const char *address = address_of(call, rows, row);
    const char *summary = titled(call, text_of(rows, row, TITLE), text_of(rows, row, PLACE));
    bool cancelled = strcmp(PQgetvalue(rows, row, CANCELLED), "t") == 0;

    out->failed = out->failed || address == NULL || summary == NULL;
    if (out->failed)
        return;
    iqm_icalendar_event(out, &(struct iqm_icalendar_event){.uid = text_of(rows, row, ID),
                                 .sequence = text_of(rows, row, VERSION),
                                 .created = text_of(rows, row, CREATED),
                                 .changed = text_of(rows, row, CHANGED),
                                 .day = text_of(rows, row, DAY),
                                 .next_day = text_of(rows, row, NEXT_DAY),
                                 .time = text_of(rows, row, TIME),
                                 .end = text_of(rows, row, END_TIME),
                                 .duration = MEETING_LENGTH,
                                 .summary = summary,
                                 .location = text_of(rows, row, LOCATION),
                                 .url = cancelled ? NULL : address,
                                 .cancelled = cancelled});
}

/* Into the arena: the buffer is no part of the call, and the rows are gone with the next batch. */
static int write_calendar(struct calendar *calendar)
{
    struct iqm_call *call = calendar->step->call;
    const PGresult *rows = calendar->rows;
    struct iqm_buffer out = {.bytes = NULL};
    const char *name = calendar->label != NULL ? calendar->label
                                               : titled(call, "IQM", text_of(rows, 0, FEED_PLACE));

    out.failed = name == NULL;
    if (!out.failed)
        iqm_icalendar_begin(
            &out, &(struct iqm_icalendar){
                      .id = text_of(rows, 0, FEED), .name = name, .refresh = REFRESH});
    for (int i = 0; i < PQntuples(rows) && text_of(rows, i, ID) != NULL; i++)
        add_event(call, &out, rows, i);
    iqm_icalendar_end(&out);
    if (!out.failed)
        calendar->bytes = iqm_arena_copy(call->arena, out.bytes, out.length);
    calendar->length = out.length;
    iqm_buffer_free(&out);
    return calendar->bytes != NULL ? 0 : IQM_ENOMEM;
}

static void answer(struct step *step, const PGresult *rows)
{
    const struct calendar *calendar = step->user;

    (void)rows;
    iqm_call_reply_hashed(step->call, MEDIA_TYPE, calendar->bytes, calendar->length);
}

/* The first reading of a day is noted, the others are not. */
static void write_and_answer(struct calendar *calendar)
{
    struct step *step = calendar->step;
    bool is_first = strcmp(PQgetvalue(calendar->rows, 0, IS_FIRST_TODAY), "t") == 0;

    if (write_calendar(calendar) != 0) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    if (!is_first) {
        answer(step, calendar->rows);
        return;
    }
    step->opener = NULL;
    step_change(step, IQM_STATEMENT_NOTE_CALENDAR_READ, answer);
}

/* A name is not worth a calendar: where the key is away, it has the one of a feed without a label.
 */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct calendar *calendar = fetch->user;

    if (fetch->error == 0 && fetch->keys[0].known)
        calendar->label = iqm_unseal_text(calendar->step->call->arena, &fetch->keys[0],
            &CALENDAR_FEED_LABEL(calendar->owner), text_of(calendar->rows, 0, LABEL));
    write_and_answer(calendar);
}

static void calendar_read(struct step *step, const PGresult *rows)
{
    struct calendar *calendar = step->user;

    if (PQntuples(rows) == 0) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    calendar->rows = rows;
    if (text_of(rows, 0, LABEL) == NULL) {
        write_and_answer(calendar);
        return;
    }
    snprintf(calendar->owner, sizeof calendar->owner, "%s", text_of(rows, 0, OWNER));
    calendar->key = (struct iqm_vault_fetch){
        .people = &calendar->owner, .count = 1, .done = key_fetched, .user = calendar};
    iqm_vault_fetch(step->call->vault, step->call->arena, &calendar->key);
}

void iqm_op_get_calendar(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct calendar *calendar = iqm_arena_alloc(call->arena, sizeof *calendar);

    if (step == NULL)
        return;
    if (calendar == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    calendar->step = step;
    step->user = calendar;
    step_hash(step, 0, call->path_values[0]);
    step->opener = IQM_STATEMENT_OPEN_CALENDAR_FEED;
    step_read(step, call->operation->statement, calendar_read);
}
