/* Searching contributions: the statement finds and ranks, here the answer is put together, and
 * where it goes on. */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/contribution/highlight.h"
#include "programme/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of search_contributions.sql. */
enum column { DOCUMENT, RANK, RANKED, MORE, QUERY, NUMBER, NEWEST, OLDEST };

/* What stands around a document, its highlight included, at most; and around them all. */
#define AROUND_ITEM (HIGHLIGHT_TEXT + 100)
#define AROUND_ANSWER 400

/* Ranks as ts_rank gives them: what else a cursor holds is not ours. */
#define RANK_LEAST 1e-30F
#define RANK_MOST 1e6F

/* The statement's `place` from a cursor's key: the block's first number; then the last rank and
 * number, where the block goes on. NULL: it is not ours. */
static char *read_place(struct iqm_arena *arena, const char *key)
{
    char *end = NULL;
    long long top = strtoll(key, &end, 10);

    if (end == key || (*end != '\0' && *end != ','))
        return NULL;
    if (*end == '\0')
        return iqm_arena_printf(arena, "{%lld}", top);
    float rank = strtof(end + 1, &end);
    if (*end != ',' || !(rank >= RANK_LEAST && rank <= RANK_MOST))
        return NULL;
    key = end + 1;
    long long number = strtoll(key, &end, 10);
    if (end == key || *end != '\0')
        return NULL;
    return iqm_arena_printf(arena, "{%lld,%.9g,%lld}", top, (double)rank, number);
}

static int read_cursor(struct iqm_call *call, const char **ret_place)
{
    struct iqm_cursor cursor;
    struct iqm_slice text = iqm_call_parameter(call, "cursor");

    *ret_place = NULL;
    if (text.ptr == NULL)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) != 0 ||
        cursor.filters != iqm_cursor_filters(call))
        return iqm_cursor_refuse(call);
    *ret_place = read_place(call->arena, cursor.key);
    return *ret_place != NULL ? 0 : iqm_cursor_refuse(call);
}

/* After the last of `count` rows: in the same block, or where the next one begins. */
static char *next_cursor(struct iqm_call *call, const PGresult *rows, int count)
{
    struct iqm_cursor cursor = {
        .filters = iqm_cursor_filters(call), .id = "00000000-0000-0000-0000-000000000000"};
    char key[100];

    if (count == 0)
        return NULL;
    if (PQntuples(rows) > count)
        snprintf(key, sizeof key, "%.20s,%.20s,%.20s", PQgetvalue(rows, 0, NEWEST),
            PQgetvalue(rows, count - 1, RANK), PQgetvalue(rows, count - 1, NUMBER));
    else if (*PQgetvalue(rows, 0, MORE) == 't')
        snprintf(key, sizeof key, "%lld", strtoll(PQgetvalue(rows, 0, OLDEST), NULL, 10) - 1);
    else
        return NULL;
    cursor.key = key;
    return iqm_cursor_write(call->arena, &cursor);
}

static size_t room_needed(const PGresult *rows, int count)
{
    size_t size = AROUND_ANSWER;

    for (int i = 0; i < count; i++)
        size += (size_t)PQgetlength(rows, i, DOCUMENT) + AROUND_ITEM;
    return size;
}

static char *write_item(char *end, const struct highlight *highlight, struct iqm_arena *arena,
    const PGresult *rows, int row)
{
    struct iqm_slice document = {
        PQgetvalue(rows, row, DOCUMENT), (size_t)PQgetlength(rows, row, DOCUMENT)};

    end = stpcpy(end, row > 0 ? ",{\"contribution\":" : "{\"contribution\":");
    end = (char *)mempcpy(end, document.ptr, document.len);
    end += sprintf(end, ",\"rank\":%.20s,\"highlight\":\"", PQgetvalue(rows, row, RANK));
    end += highlight_write(highlight, document, arena, end);
    return stpcpy(end, "\"}");
}

static char *write_items(char *end, struct iqm_arena *arena, const PGresult *rows, int count)
{
    struct highlight highlight = {.count = 0};

    if (count > 0)
        highlight_read(PQgetvalue(rows, 0, QUERY), &highlight);
    end = stpcpy(end, "{\"items\":[");
    for (int i = 0; i < count; i++)
        end = write_item(end, &highlight, arena, rows, i);
    return end;
}

/* The statement answers one row more than asked for where the block goes on. */
static void answer(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    int limit = atoi(iqm_call_parameter(call, "limit").ptr);
    int count = PQntuples(rows) > limit ? limit : PQntuples(rows);
    const char *next = next_cursor(call, rows, count);
    char *text = iqm_arena_bytes(call->arena, room_needed(rows, count));

    if (text == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    char *end = write_items(text, call->arena, rows, count);
    end += sprintf(end, "],\"ranked\":%.10s,\"complete\":%s,\"next\":",
        count > 0 ? PQgetvalue(rows, 0, RANKED) : "0",
        count > 0 && *PQgetvalue(rows, 0, MORE) == 't' ? "false" : "true");
    end += next != NULL ? sprintf(end, "\"%.300s\"}", next) : sprintf(end, "null}");
    iqm_page_link(call, next);
    iqm_call_reply(call, 200, "application/json", text, (size_t)(end - text));
}

void iqm_op_search_contributions(struct iqm_call *call)
{
    const struct iqm_statement *statement = call->operation->statement;
    const char *place;

    if (read_cursor(call, &place) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    struct step *step = step_new(call);
    if (step == NULL)
        return;
    for (uint16_t i = 0; i < statement->parameter_count; i++) {
        const char *name = statement->parameters[i];
        step->values[i].text =
            strcmp(name, "place") == 0 ? place : iqm_call_parameter(call, name).ptr;
    }
    step_read(step, statement, answer);
}
