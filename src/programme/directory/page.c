/*
 * What anybody may read: lists for callers who say not who they are. They see no rows, so a
 * function of the database gives just what is public; here it becomes a page with a version of its
 * own, or a file. That is read a page at a time, since nobody unknown shall hold a snapshot.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/paged_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of both statements: the item, and where it stands in the order. */
enum column { ITEM, KEY, ID };

/* A page becomes no longer than that, unless by its first item. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* Where a page begins; key and id NULL: at the start. */
struct place {
    const char *key, *id;
};

struct public_list {
    struct paged_list list;
    const PGresult *rows; /* of the page */
    struct place place;   /* of the page; of a file's next one, once it is read */
};

/* `format`: of keys, IQM_FORMAT_NONE where any text may be one. 0 or IQM_EPROBLEM. */
static int read_cursor(struct iqm_call *call, enum iqm_format format, struct place *ret_place)
{
    struct iqm_cursor cursor;
    struct iqm_slice text = iqm_call_parameter(call, "cursor");

    *ret_place = (struct place){NULL, NULL};
    if (text.ptr == NULL)
        return 0;
    if (iqm_cursor_read(call->arena, text, &cursor) != 0 ||
        cursor.filters != iqm_cursor_filters(call) ||
        (format != IQM_FORMAT_NONE && !iqm_format_matches(format, cursor.key, strlen(cursor.key))))
        return iqm_cursor_refuse(call);
    *ret_place = (struct place){cursor.key, iqm_arena_string(call->arena, cursor.id)};
    if (ret_place->id == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    return 0;
}

/* How many of the rows the page takes. */
static int measure(const PGresult *rows, int most)
{
    size_t size = 0;
    int count = 0;

    while (count < most && count < PQntuples(rows)) {
        size += (size_t)PQgetlength(rows, count, ITEM) + 1;
        if (count > 0 && size > PAGE_BYTES_MAX)
            break;
        count++;
    }
    return count;
}

/* The rows of the page go with the statement of the next one. */
static bool go_behind(struct public_list *public, int last)
{
    struct iqm_arena *arena = public->list.arena;

    public->place.key = iqm_arena_string(arena, PQgetvalue(public->rows, last, KEY));
    public->place.id = iqm_arena_string(arena, PQgetvalue(public->rows, last, ID));
    return public->place.key != NULL && public->place.id != NULL;
}

static void page_read(struct step *step, const PGresult *rows)
{
    struct paged_list *list = step->user;
    struct public_list *public = list->user;
    int count = measure(rows, atoi(list->most));

    public->rows = rows;
    list->goes_on = count < PQntuples(rows);
    list->count = (size_t)count;
    if (paged_list_turn(list) == NULL)
        return;
    struct iqm_slice *items = iqm_arena_array(list->arena, list->count + 1, sizeof *items);
    if (items == NULL || (list->goes_on && !go_behind(public, count - 1))) {
        paged_list_fail(list);
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        items[i] = iqm_pg_slice(rows, (int)i, ITEM);
    list->items = items;
    paged_list_page(list);
}

static void read_page(struct paged_list *list)
{
    const struct public_list *public = list->user;
    const struct paged_value own[] = {
        {"after_key", public->place.key}, {"after_id", public->place.id}};

    paged_list_read(list, own, IQM_LENGTH(own), page_read);
}

static void next_place(const struct paged_list *list, struct iqm_cursor *cursor)
{
    const struct public_list *public = list->user;

    cursor->key = public->place.key;
    snprintf(cursor->id, sizeof cursor->id, "%s", public->place.id);
}

static void begin(struct iqm_call *call, const struct paged_kind *kind, enum iqm_format key_format)
{
    struct public_list *public = iqm_arena_alloc(call->arena, sizeof *public);

    if (public == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    if (read_cursor(call, key_format, &public->place) != 0) {
        iqm_call_fail(call);
        return;
    }
    public->list.user = public;
    paged_list_begin(&public->list, call, kind);
}

void iqm_op_list_directory(struct iqm_call *call)
{
    static const struct paged_kind directory = {.name = "directory",
        .file_name = "directory",
        .schema = "AwardHolder",
        .file_most = "500",
        .read = read_page,
        .place = next_place,
        .has_version = true};

    begin(call, &directory, IQM_FORMAT_NONE);
}

void iqm_op_list_public_contributions(struct iqm_call *call)
{
    static const struct paged_kind public_contributions = {.name = "public_contribution",
        .file_name = "public-contributions",
        .schema = "PublicContribution",
        .file_most = "100",
        .read = read_page,
        .place = next_place,
        .has_version = true};

    begin(call, &public_contributions, IQM_FORMAT_DATE);
}
