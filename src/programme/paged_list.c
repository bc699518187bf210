/* Lists that are read a page at a time. */
#include "programme/paged_list.h"

#include "contract_tables.h"
#include "iqm/buffer.h"
#include "iqm/http.h"

#include <string.h>

#define PAGE_MEMORY ((size_t)16 * 1024 * 1024)

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct paged_list *list = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_arena_free(list->arena);
    iqm_buffer_free(&list->text);
    iqm_export_release(&list->export);
}

static void failed(struct step *step)
{
    struct paged_list *list = step->user;

    if (list->export.answered)
        iqm_call_break(step->call);
    else
        iqm_auth_fail(step->call);
}

void paged_list_fail(struct paged_list *list)
{
    struct iqm_call *call = list->step->call;

    if (call->problem.type == NULL)
        iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    failed(list->step);
}

struct iqm_arena *paged_list_turn(struct paged_list *list)
{
    iqm_arena_free(list->arena);
    list->arena = iqm_arena_new(PAGE_MEMORY);
    if (list->arena == NULL)
        paged_list_fail(list);
    return list->arena;
}

static const char *value_of(
    const struct paged_list *list, const struct paged_value *own, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(own[i].name, name) == 0)
            return own[i].text;
    }
    return strcmp(name, "limit") == 0 ? list->most : iqm_call_parameter(list->step->call, name).ptr;
}

void paged_list_read(struct paged_list *list, const struct paged_value *own, size_t count,
    void (*next)(struct step *step, const PGresult *rows))
{
    struct step *step = list->step;
    const struct iqm_statement *statement = step->call->operation->statement;

    for (uint16_t i = 0; i < statement->parameter_count; i++)
        step->values[i].text = value_of(list, own, count, statement->parameters[i]);
    step_read(step, statement, next);
}

/* ---- a page of JSON ---- */

/* 0 or IQM_ENOMEM; NULL where there are no more. */
static int next_cursor(const struct paged_list *list, const char **ret_next)
{
    struct iqm_call *call = list->step->call;
    struct iqm_cursor cursor = {.filters = iqm_cursor_filters(call), .key = ""};

    *ret_next = NULL;
    if (!list->goes_on)
        return 0;
    list->kind->place(list, &cursor);
    *ret_next = iqm_cursor_write(call->arena, &cursor);
    return *ret_next != NULL ? 0 : IQM_ENOMEM;
}

static void write_json(struct paged_list *list, const char *next)
{
    struct iqm_buffer *text = &list->text;
    const char *before = "";

    iqm_buffer_text(text, "{\"items\":[");
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].ptr == NULL)
            continue;
        iqm_buffer_text(text, before);
        iqm_buffer_add(text, list->items[i].ptr, list->items[i].len);
        before = ",";
    }
    iqm_buffer_text(text, "]");
    if (list->kind->add_members != NULL)
        list->kind->add_members(list, text);
    iqm_buffer_text(text, next != NULL ? ",\"next\":\"" : ",\"next\":null}");
    if (next != NULL) {
        iqm_buffer_text(text, next);
        iqm_buffer_text(text, "\"}");
    }
}

static void answer(struct paged_list *list)
{
    struct iqm_call *call = list->step->call;
    const char *next;
    int error = next_cursor(list, &next);

    write_json(list, next);
    if (error != 0 || list->text.failed) {
        paged_list_fail(list);
        return;
    }
    iqm_page_link(call, next);
    if (list->kind->has_version)
        iqm_call_reply_hashed(call, "application/json", list->text.bytes, list->text.length);
    else
        iqm_call_reply(call, 200, "application/json", list->text.bytes, list->text.length);
}

/* ---- a file ---- */

static void write_page(struct paged_list *list)
{
    list->is_waiting = false;
    iqm_export_rows(&list->export, list->items, list->count, list->arena);
}

void paged_list_page(struct paged_list *list)
{
    if (list->export.format == NULL) {
        answer(list);
    } else if (list->export.answered) {
        write_page(list);
    } else {
        list->is_waiting = true;
        iqm_export_answer(&list->export);
    }
}

static void next_rows(struct iqm_export *export)
{
    struct paged_list *list = export->user;

    if (list->is_waiting)
        write_page(list);
    else if (list->goes_on)
        list->kind->read(list);
    else
        iqm_export_close(export);
}

/* ---- beginning ---- */

/* 0 or IQM_EPROBLEM. */
static int take_format(struct paged_list *list, struct iqm_call *call)
{
    const struct iqm_export_format *format = iqm_export_wanted(call);

    list->most = list->kind->file_most;
    if (format == NULL) {
        list->most = iqm_call_parameter(call, "limit").ptr;
        return iqm_export_refuse_fields(call);
    }
    list->export = (struct iqm_export){.call = call,
        .user = list,
        .format = format,
        .name = list->kind->name,
        .file_name = list->kind->file_name,
        .schema = iqm_contract_schema(call->contract, list->kind->schema),
        .next = next_rows};
    return iqm_export_prepare(&list->export);
}

void paged_list_begin(struct paged_list *list, struct iqm_call *call, const struct paged_kind *kind)
{
    list->kind = kind;
    if (take_format(list, call) != 0) {
        if (call->operation->is_public)
            iqm_call_fail(call);
        else
            iqm_auth_refuse(call);
        return;
    }
    list->step = step_new(call);
    if (list->step == NULL) {
        iqm_export_release(&list->export);
        return;
    }
    list->step->user = list;
    list->step->failed = failed;
    call->release = release;
    kind->read(list);
}
