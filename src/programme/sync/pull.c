/*
 * What a program that works offline gets: a page of changes, put together by the database from one
 * snapshot (migrations, sync_page). What the page's cursor names is stored before the page is told.
 */
#include "contract_tables.h"
#include "cursor.h"
#include "iqm/resource.h"
#include "programme/step.h"
#include "selection.h"

#include <stdio.h>
#include <string.h>

enum column { KIND, CHANGE, ID, DOC, NEXT, MORE, KEEP, EPOCH };

struct pulling {
    struct step *step;
    struct sync_cursor since; /* epoch NULL: from the start */
    struct sync_selection selection;
    const PGresult *rows;
    struct iqm_slice *stored; /* documents of people, by the number of their row */
    struct iqm_slice *given;  /* what is told of the documents, by the number of their row */
    char *text;
    size_t length;
};

/* What stands around a change, and around the page. */
#define AROUND_CHANGE 160
#define AROUND_PAGE 1000

static bool is_person(const PGresult *rows, int row)
{
    return strcmp(PQgetvalue(rows, row, KIND), "person") == 0;
}

static struct iqm_slice document(
    const struct pulling *pulling, const struct iqm_slice *opened, int row)
{
    return opened != NULL && is_person(pulling->rows, row) ? opened[row]
                                                           : iqm_pg_slice(pulling->rows, row, DOC);
}

static const char *kind_of(const struct pulling *pulling, int row)
{
    return PQgetvalue(pulling->rows, row, KIND);
}

static bool is_wanted(const struct pulling *pulling, int row)
{
    return sync_selection_has(&pulling->selection, kind_of(pulling, row));
}

/* What is told of each document. False when memory is out. */
static bool choose(struct pulling *pulling, const struct iqm_slice *opened)
{
    struct iqm_arena *arena = pulling->step->call->arena;
    int count = PQntuples(pulling->rows) - 1;

    for (int i = 0; i < count; i++) {
        struct iqm_slice whole = document(pulling, opened, i);
        if (!is_wanted(pulling, i) || whole.ptr == NULL)
            continue;
        pulling->given[i] =
            sync_selection_cut(&pulling->selection, arena, kind_of(pulling, i), whole);
        if (pulling->given[i].ptr == NULL)
            return false;
    }
    return true;
}

static char *put(char *end, struct iqm_slice text)
{
    return text.len > 0 ? (char *)mempcpy(end, text.ptr, text.len) : end;
}

static char *write_change(char *end, const struct pulling *pulling, int row)
{
    struct iqm_slice doc = pulling->given[row];
    const char *change = PQgetvalue(pulling->rows, row, CHANGE);

    if (doc.ptr == NULL && strcmp(change, "changed") == 0)
        change = "deleted"; /* the person was erased this very moment */
    end += sprintf(end, "{\"change\":\"%s\",\"type\":\"%s\",\"id\":\"%s\"", change,
        kind_of(pulling, row), PQgetvalue(pulling->rows, row, ID));
    if (doc.ptr != NULL)
        end = put(stpcpy(end, ",\"document\":"), doc);
    return stpcpy(end, "}");
}

/* The page into the arena. False when memory is out. */
static bool write_page(struct pulling *pulling)
{
    struct iqm_call *call = pulling->step->call;
    const PGresult *rows = pulling->rows;
    int last = PQntuples(rows) - 1;
    size_t size = AROUND_PAGE;

    const char *since = sync_cursor_write(call, PQgetvalue(rows, last, EPOCH),
        PQgetvalue(rows, last, NEXT), pulling->selection.print);
    for (int i = 0; i < last; i++)
        size += pulling->given[i].len + AROUND_CHANGE;
    pulling->text = iqm_arena_bytes(call->arena, size);
    if (since == NULL || pulling->text == NULL)
        return false;
    char *begin = stpcpy(pulling->text, "{\"changes\":[");
    char *end = begin;
    for (int i = 0; i < last; i++) {
        if (!is_wanted(pulling, i))
            continue;
        if (end > begin)
            *end++ = ',';
        end = write_change(end, pulling, i);
    }
    end += sprintf(end, "],\"since\":\"%s\",\"more\":%s}", since,
        strcmp(PQgetvalue(rows, last, MORE), "t") == 0 ? "true" : "false");
    pulling->length = (size_t)(end - pulling->text);
    return true;
}

static void answer(struct step *step, const PGresult *rows)
{
    const struct pulling *pulling = step->user;

    (void)rows;
    iqm_call_reply(step->call, 200, "application/json", pulling->text, pulling->length);
}

/* What the cursor names is kept first: a page whose cursor is good for nothing would be lost. */
static void tell(struct step *step, const struct iqm_slice *opened)
{
    struct pulling *pulling = step->user;
    int last = PQntuples(pulling->rows) - 1;
    struct iqm_slice keep = iqm_pg_slice(pulling->rows, last, KEEP);
    const char *kept =
        keep.ptr != NULL ? iqm_arena_copy(step->call->arena, keep.ptr, keep.len) : NULL;

    if (!choose(pulling, opened) || !write_page(pulling) || (keep.ptr != NULL && kept == NULL)) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    } else if (kept == NULL) {
        answer(step, NULL);
    } else {
        step->values[0].text = kept;
        step_change(step, IQM_STATEMENT_KEEP_SYNC_SIGHTS, answer);
    }
}

/* Whether the cursor was made for this person, who wants the same as then. */
static bool may_go_on_with(const struct pulling *pulling)
{
    return strcmp(pulling->since.actor, pulling->step->call->actor) == 0 &&
           sync_selection_fits(&pulling->selection, pulling->since.selection);
}

/* One snapshot gave all of it: what the cursor says must be of that database, of this person and of
 * these fields. */
static bool goes_on(const struct pulling *pulling)
{
    int last = PQntuples(pulling->rows) - 1;

    if (last < 0 || PQgetisnull(pulling->rows, last, NEXT) == 1)
        return false;
    return pulling->since.epoch == NULL ||
           (strcmp(pulling->since.epoch, PQgetvalue(pulling->rows, last, EPOCH)) == 0 &&
               may_go_on_with(pulling));
}

static void read_page(struct step *step, const PGresult *rows)
{
    struct pulling *pulling = step->user;
    size_t count = (size_t)PQntuples(rows);
    bool people = false;

    pulling->rows = rows;
    if (!goes_on(pulling)) {
        step_fail(step, IQM_PROBLEM_SYNC_EXPIRED, NULL);
        return;
    }
    pulling->stored = iqm_arena_array(step->call->arena, count, sizeof *pulling->stored);
    pulling->given = iqm_arena_array(step->call->arena, count, sizeof *pulling->given);
    if (pulling->stored == NULL || pulling->given == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    for (int i = 0; i + 1 < (int)count; i++) {
        if (is_person(rows, i) && is_wanted(pulling, i))
            pulling->stored[i] = iqm_pg_slice(rows, i, DOC);
        people = people || pulling->stored[i].ptr != NULL;
    }
    if (people)
        step_open_people(step, pulling->stored, count, tell);
    else
        tell(step, NULL);
}

static void ask_for_page(struct pulling *pulling)
{
    struct step *step = pulling->step;

    for (size_t i = 0; i < SYNC_FIELDS; i++)
        step->values[i].text = pulling->since.fields[i];
    step->values[SYNC_FIELDS].text = iqm_call_parameter(step->call, "limit").ptr;
    step_read(step, step->call->operation->statement, read_page);
}

/* Nothing was recorded since: the same cursor goes on. */
static void idle_known(struct step *step, const PGresult *rows)
{
    struct pulling *pulling = step->user;
    struct iqm_call *call = step->call;

    if (!step_says(rows, "t") || !may_go_on_with(pulling)) {
        ask_for_page(pulling);
        return;
    }
    const char *page = iqm_arena_printf(call->arena,
        "{\"changes\":[],\"since\":\"%s\",\"more\":false}", iqm_call_parameter(call, "since").ptr);
    if (page == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 200, "application/json", page, strlen(page));
}

/* Whether the page before was one of the feed, at its end. */
static bool may_be_idle(const struct pulling *pulling)
{
    return pulling->since.epoch != NULL && strcmp(pulling->since.fields[SYNC_PHASE], "feed") == 0 &&
           pulling->since.fields[SYNC_DOUBT] == NULL;
}

static void ask_whether_idle(struct pulling *pulling)
{
    struct step *step = pulling->step;

    step->values[0].text = pulling->since.epoch;
    step->values[1].text = pulling->since.fields[SYNC_XID];
    step->values[2].text = pulling->since.fields[SYNC_RECORD];
    step->values[3].text = pulling->since.fields[SYNC_DAY];
    step_read(step, IQM_STATEMENT_SYNC_IS_IDLE, idle_known);
}

static int take_since(struct pulling *pulling)
{
    struct iqm_call *call = pulling->step->call;
    struct iqm_slice text = iqm_call_parameter(call, "since");

    if (text.ptr == NULL)
        return 0;
    int error = sync_cursor_read(call, text, &pulling->since);
    if (error == IQM_EINVAL) {
        iqm_problem_parameter(
            &call->problem, "since", "query", "is none that this operation gave; begin without it");
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    }
    if (error != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    return 0;
}

void iqm_op_pull_changes(struct iqm_call *call)
{
    struct pulling *pulling = iqm_arena_alloc(call->arena, sizeof *pulling);

    if (pulling == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    pulling->step = step_new(call);
    if (pulling->step == NULL)
        return;
    pulling->step->user = pulling;
    if (take_since(pulling) != 0 || sync_selection_read(call, &pulling->selection) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    if (may_be_idle(pulling))
        ask_whether_idle(pulling);
    else
        ask_for_page(pulling);
}
