/*
 * What anybody may read: lists for callers who say not who they are. They see no rows, so a
 * function of the database gives just what is public; here it becomes a page with a version of its
 * own.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/step.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of both statements: the item, and where it stands in the order. */
enum column { ITEM, KEY, ID };

/* A page becomes no longer than that, unless by its first item. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define AROUND_ITEMS (CURSOR_MAX + 100)
#define CURSOR_MAX 1200 /* as in the contract */

/* Where a page begins; key and id NULL: at the start. */
struct place {
    const char *key, *id;
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

/* How many of the rows the page takes, and how long they are together. */
static int measure(const PGresult *rows, int limit, size_t *ret_size)
{
    int count = 0;

    *ret_size = AROUND_ITEMS;
    while (count < limit && count < PQntuples(rows)) {
        size_t length = (size_t)PQgetlength(rows, count, ITEM) + 1;
        if (count > 0 && *ret_size + length > PAGE_BYTES_MAX)
            break;
        *ret_size += length;
        count++;
    }
    return count;
}

/* After the last of `count` rows; NULL where there are no more. */
static const char *next_cursor(struct iqm_call *call, const PGresult *rows, int count)
{
    struct iqm_cursor cursor = {.filters = iqm_cursor_filters(call)};

    if (count == 0 || PQntuples(rows) == count)
        return NULL;
    cursor.key = PQgetvalue(rows, count - 1, KEY);
    snprintf(cursor.id, sizeof cursor.id, "%s", PQgetvalue(rows, count - 1, ID));
    return iqm_cursor_write(call->arena, &cursor);
}

static size_t write_page(char *text, const PGresult *rows, int count, const char *next)
{
    char *end = stpcpy(text, "{\"items\":[");

    for (int i = 0; i < count; i++) {
        if (i > 0)
            *end++ = ',';
        end = (char *)mempcpy(end, PQgetvalue(rows, i, ITEM), (size_t)PQgetlength(rows, i, ITEM));
    }
    end = stpcpy(end, "],\"next\":");
    end += next != NULL ? sprintf(end, "\"%.*s\"}", CURSOR_MAX, next) : sprintf(end, "null}");
    return (size_t)(end - text);
}

static void answer(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    size_t size;
    int count = measure(rows, atoi(iqm_call_parameter(call, "limit").ptr), &size);
    const char *next = next_cursor(call, rows, count);
    char *text = iqm_arena_bytes(call->arena, size);

    if (text == NULL || (next == NULL && count < PQntuples(rows))) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    size = write_page(text, rows, count, next);
    iqm_page_link(call, next);
    iqm_call_reply_hashed(call, "application/json", text, size);
}

static void read_page(struct iqm_call *call, enum iqm_format key_format)
{
    const struct iqm_statement *statement = call->operation->statement;
    struct place place;

    if (read_cursor(call, key_format, &place) != 0) {
        iqm_call_fail(call);
        return;
    }
    struct step *step = step_new(call);
    if (step == NULL)
        return;
    for (uint16_t i = 0; i < statement->parameter_count; i++) {
        const char *name = statement->parameters[i];
        step->values[i].text = strcmp(name, "after_key") == 0  ? place.key
                               : strcmp(name, "after_id") == 0 ? place.id
                                                               : iqm_call_parameter(call, name).ptr;
    }
    step_read(step, statement, answer);
}

void iqm_op_list_directory(struct iqm_call *call)
{
    read_page(call, IQM_FORMAT_NONE);
}

void iqm_op_list_public_contributions(struct iqm_call *call)
{
    read_page(call, IQM_FORMAT_DATE);
}
