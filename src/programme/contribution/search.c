/*
 * Searching contributions: the statement finds and ranks, here the answer is put together, and
 * where it goes on. A file has one page after another.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/contribution/highlight.h"
#include "programme/paged_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of search_contributions.sql. */
enum column { DOCUMENT, RANK, RANKED, MORE, QUERY, NUMBER, NEWEST, OLDEST };

/* What stands around a document, its highlight included, at most. */
#define AROUND_ITEM (HIGHLIGHT_TEXT + 100)

/* Ranks as ts_rank gives them: what else a cursor holds is not ours. */
#define RANK_LEAST 1e-30F
#define RANK_MOST 1e6F

#define KEY_MAX 100

struct searching {
    struct paged_list list;
    const PGresult *rows; /* of the page */
    char place[KEY_MAX];  /* where it begins, as the statement takes it; "": at the start */
    char next[KEY_MAX];   /* the key of the next page, as a cursor tells it; "": there is none */
};

/* The statement's `place` from a cursor's key: the block's first number; then the last rank and
 * number, where the block goes on. False: it is not ours. */
static bool read_place(const char *key, char ret_place[static KEY_MAX])
{
    char *end = NULL;
    long long top = strtoll(key, &end, 10);

    if (end == key || (*end != '\0' && *end != ','))
        return false;
    if (*end == '\0')
        return snprintf(ret_place, KEY_MAX, "{%lld}", top) > 0;
    float rank = strtof(end + 1, &end);
    if (*end != ',' || !(rank >= RANK_LEAST && rank <= RANK_MOST))
        return false;
    key = end + 1;
    long long number = strtoll(key, &end, 10);
    if (end == key || *end != '\0')
        return false;
    return snprintf(ret_place, KEY_MAX, "{%lld,%.9g,%lld}", top, (double)rank, number) > 0;
}

static int read_cursor(struct iqm_call *call, char ret_place[static KEY_MAX])
{
    struct iqm_cursor cursor;
    struct iqm_slice text = iqm_call_parameter(call, "cursor");

    if (text.ptr == NULL)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) != 0 ||
        cursor.filters != iqm_cursor_filters(call) || !read_place(cursor.key, ret_place))
        return iqm_cursor_refuse(call);
    return 0;
}

/* The key after the last row of the page: in the same block, or where the next one begins. */
static void find_next(struct searching *searching, bool is_within)
{
    const PGresult *rows = searching->rows;
    int last = (int)searching->list.count - 1;

    *searching->next = '\0';
    if (is_within)
        snprintf(searching->next, KEY_MAX, "%.20s,%.20s,%.20s", PQgetvalue(rows, 0, NEWEST),
            PQgetvalue(rows, last, RANK), PQgetvalue(rows, last, NUMBER));
    else if (last >= 0 && *PQgetvalue(rows, 0, MORE) == 't')
        snprintf(
            searching->next, KEY_MAX, "%lld", strtoll(PQgetvalue(rows, 0, OLDEST), NULL, 10) - 1);
    searching->list.goes_on = *searching->next != '\0';
}

static char *write_item(char *end, const struct highlight *highlight, struct iqm_arena *arena,
    const PGresult *rows, int row)
{
    struct iqm_slice document = iqm_pg_slice(rows, row, DOCUMENT);

    end = stpcpy(end, "{\"contribution\":");
    end = (char *)mempcpy(end, document.ptr, document.len);
    end += sprintf(end, ",\"rank\":%.20s,\"highlight\":\"", PQgetvalue(rows, row, RANK));
    end += highlight_write(highlight, document, arena, end);
    return stpcpy(end, "\"}");
}

/* 0 or IQM_ENOMEM. */
static int make_items(struct searching *searching)
{
    struct paged_list *list = &searching->list;
    struct iqm_slice *items = iqm_arena_array(list->arena, list->count + 1, sizeof *items);
    struct highlight highlight = {.count = 0};

    if (items == NULL)
        return IQM_ENOMEM;
    if (list->count > 0)
        highlight_read(PQgetvalue(searching->rows, 0, QUERY), &highlight);
    for (size_t i = 0; i < list->count; i++) {
        size_t room = (size_t)PQgetlength(searching->rows, (int)i, DOCUMENT) + AROUND_ITEM;
        char *text = iqm_arena_bytes(list->arena, room);
        if (text == NULL)
            return IQM_ENOMEM;
        const char *end = write_item(text, &highlight, list->arena, searching->rows, (int)i);
        items[i] = (struct iqm_slice){text, (size_t)(end - text)};
    }
    list->items = items;
    return 0;
}

/* The statement answers one row more than asked for where the block goes on. */
static void page_read(struct step *step, const PGresult *rows)
{
    struct paged_list *list = step->user;
    struct searching *searching = list->user;
    int most = atoi(list->most), found = PQntuples(rows);

    searching->rows = rows;
    list->count = (size_t)(found > most ? most : found);
    find_next(searching, found > most);
    if (paged_list_turn(list) == NULL)
        return;
    if (make_items(searching) != 0)
        paged_list_fail(list);
    else
        paged_list_page(list);
}

static void next_place(const struct paged_list *list, struct iqm_cursor *cursor)
{
    const struct searching *searching = list->user;

    snprintf(cursor->id, sizeof cursor->id, "00000000-0000-0000-0000-000000000000");
    cursor->key = searching->next;
}

static void add_members(const struct paged_list *list, struct iqm_buffer *text)
{
    const struct searching *searching = list->user;
    const PGresult *rows = searching->rows;
    bool is_any = list->count > 0, has_more = is_any && *PQgetvalue(rows, 0, MORE) == 't';

    iqm_buffer_text(text, ",\"ranked\":");
    iqm_buffer_text(text, is_any ? PQgetvalue(rows, 0, RANKED) : "0");
    iqm_buffer_text(text, has_more ? ",\"complete\":false" : ",\"complete\":true");
}

static void read_page(struct paged_list *list)
{
    struct searching *searching = list->user;

    if (list->goes_on && !read_place(searching->next, searching->place)) {
        paged_list_fail(list);
        return;
    }
    const char *place = *searching->place != '\0' ? searching->place : NULL;
    paged_list_read(list, &(struct paged_value){"place", place}, 1, page_read);
}

void iqm_op_search_contributions(struct iqm_call *call)
{
    static const struct paged_kind found = {.name = "contribution",
        .file_name = "contributions-found",
        .schema = "ContributionFound",
        .file_most = "50",
        .read = read_page,
        .place = next_place,
        .add_members = add_members};
    struct searching *searching = iqm_arena_alloc(call->arena, sizeof *searching);

    if (searching == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    if (read_cursor(call, searching->place) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    searching->list.user = searching;
    paged_list_begin(&searching->list, call, &found);
}
