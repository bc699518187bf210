/*
 * A program that asks for other members than before would hold some of old documents for ever: so a
 * cursor says by which words it was made, and is good for no others.
 */
#include "selection.h"

#include "contract_tables.h"
#include "cursor.h"

#include <string.h>

#define ALWAYS "id,version" /* without which nothing can be changed */

static int refuse(struct iqm_call *call, struct iqm_slice name, const char *what)
{
    iqm_problem_parameter(&call->problem, "fields", "query", "names \"%.*s\", which is %s",
        (int)name.len, name.ptr, what);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

/* The index of a kind; `count` where it is not wanted. */
static unsigned find(const struct sync_selection *selection, const char *kind)
{
    unsigned i = 0;

    while (i < selection->count && strcmp(selection->kinds[i].resource->name, kind) != 0)
        i++;
    return i;
}

/* The kind among those wanted, added where it is new; NULL: no such kind is synced. */
static struct sync_selected *select_kind(
    struct iqm_call *call, struct sync_selection *selection, const char *kind)
{
    const struct iqm_resource *resource = iqm_contract_resource(call->contract, kind);
    unsigned at = find(selection, kind);

    if (at < selection->count)
        return &selection->kinds[at];
    if (resource == NULL || !resource->synced || at == SYNC_KINDS_MAX)
        return NULL;
    selection->kinds[at] =
        (struct sync_selected){.resource = resource, .fields.list = {ALWAYS, strlen(ALWAYS)}};
    selection->count++;
    return &selection->kinds[at];
}

static int add_member(
    struct iqm_call *call, struct sync_selected *selected, struct iqm_slice member)
{
    struct iqm_slice *list = &selected->fields.list;

    list->ptr = iqm_arena_printf(
        call->arena, "%.*s,%.*s", (int)list->len, list->ptr, (int)member.len, member.ptr);
    if (list->ptr == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    list->len = strlen(list->ptr);
    return 0;
}

/* "school" or "school.name". */
static int add(struct iqm_call *call, struct sync_selection *selection, struct iqm_slice name)
{
    const char *dot = memchr(name.ptr, '.', name.len);
    size_t length = dot != NULL ? (size_t)(dot - name.ptr) : name.len;
    const char *kind = iqm_arena_copy(call->arena, name.ptr, length);

    if (kind == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    struct sync_selected *selected = select_kind(call, selection, kind);
    if (selected == NULL)
        return refuse(call, name, "no kind of records that is synced");
    if (dot == NULL) {
        selected->whole = true;
        return 0;
    }
    struct iqm_slice member = {dot + 1, name.len - length - 1};
    if (iqm_schema_member(&call->contract->schemas[selected->resource->schema], member) == NULL)
        return refuse(call, name, "no member of that kind of records");
    return add_member(call, selected, member);
}

int sync_selection_read(struct iqm_call *call, struct sync_selection *ret_selection)
{
    struct iqm_slice rest = iqm_call_parameter(call, "fields");

    *ret_selection = (struct sync_selection){.print = SYNC_EVERYTHING};
    if (rest.ptr == NULL)
        return 0;
    ret_selection->print = iqm_hash_text(call->arena, rest.ptr, rest.len);
    if (ret_selection->print == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    while (rest.len > 0) {
        int error = add(call, ret_selection, iqm_wanted_fields_next(&rest));
        if (error != 0)
            return error;
    }
    return 0;
}

bool sync_selection_has(const struct sync_selection *selection, const char *kind)
{
    return selection->count == 0 || find(selection, kind) < selection->count;
}

struct iqm_slice sync_selection_cut(const struct sync_selection *selection, struct iqm_arena *arena,
    const char *kind, struct iqm_slice document)
{
    unsigned at = find(selection, kind);
    struct iqm_slice cut = document;

    if (at == selection->count || selection->kinds[at].whole)
        return document;
    IQM_CLEANUP(iqm_buffer_free) struct iqm_buffer text = {0};
    iqm_wanted_fields_write(&selection->kinds[at].fields, document, &text);
    cut.ptr = !text.failed ? iqm_arena_copy(arena, text.bytes, text.length) : NULL;
    cut.len = text.length;
    return cut;
}

bool sync_selection_fits(const struct sync_selection *selection, const char *print)
{
    return strcmp(print, SYNC_ANY_SELECTION) == 0 || strcmp(print, selection->print) == 0;
}
