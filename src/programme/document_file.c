/*
 * A document, or its tables as a file:
 *   read → (rows written → sent) … → next sheet → … → end
 */
#include "programme/document_file.h"

#include "contract_tables.h"
#include "iqm/members.h"

#include <string.h>

/* Rows that are written at a time, and memory for decoding them. */
#define PIECE_ROWS 50
#define PIECE_MEMORY ((size_t)32 * 1024 * 1024)

struct document_file {
    const struct document_kind *kind;
    struct step *step;        /* `user` is the file */
    struct iqm_export export; /* format NULL: the document itself */
    struct iqm_slice document;
    size_t table;          /* the one under way */
    struct iqm_slice rest; /* of its rows */
    struct iqm_slice rows[PIECE_ROWS];
    struct iqm_arena *arena; /* of those */
};

/* ---- rows ---- */

static void take_rows(struct document_file *file)
{
    const char *member = file->kind->tables[file->table].member;

    if (member == NULL) {
        file->rest = file->document;
        return;
    }
    struct iqm_slice rows = iqm_members_find(file->document, member);
    if (rows.ptr != NULL && rows.ptr[0] == '{')
        rows = iqm_members_find(rows, "items");
    file->rest = rows.ptr != NULL ? (struct iqm_slice){rows.ptr + 1, rows.len - 1} : IQM_SLICE("");
}

static void next_sheet(struct document_file *file)
{
    const struct document_table *table = &file->kind->tables[++file->table];

    take_rows(file);
    iqm_export_sheet(&file->export, table->name,
        iqm_contract_schema(file->step->call->contract, table->schema), table->only);
}

static void write_rows(struct document_file *file, size_t count)
{
    iqm_arena_free(file->arena);
    file->arena = iqm_arena_new(PIECE_MEMORY);
    if (file->arena == NULL)
        iqm_call_break(file->step->call);
    else
        iqm_export_rows(&file->export, file->rows, count, file->arena);
}

/* Where the file waits to be sent, what it was made of would wait with it. */
static void close_file(struct document_file *file)
{
    iqm_pg_batch_clear(&file->step->batch);
    iqm_arena_free(file->arena);
    file->arena = NULL;
    iqm_export_close(&file->export);
}

static void next_rows(struct iqm_export *export)
{
    struct document_file *file = export->user;
    size_t count = 0;

    while (count < PIECE_ROWS && iqm_items_next(&file->rest, &file->rows[count]))
        count++;
    if (count > 0)
        write_rows(file, count);
    else if (file->table + 1 < file->kind->count)
        next_sheet(file);
    else
        close_file(file);
}

/* ---- beginning ---- */

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct document_file *file = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_arena_free(file->arena);
    iqm_export_release(&file->export);
}

/* 0 or IQM_EPROBLEM. */
static int take_format(struct document_file *file, struct iqm_call *call)
{
    const struct document_table *first = &file->kind->tables[0];
    const struct iqm_export_format *format = iqm_export_wanted(call);

    if (format == NULL)
        return iqm_export_refuse_fields(call);
    file->export = (struct iqm_export){.call = call,
        .user = file,
        .format = format,
        .name = first->name,
        .file_name = file->kind->file_name,
        .schema = iqm_contract_schema(call->contract, first->schema),
        .only = first->only,
        .next = next_rows};
    return iqm_export_prepare(&file->export);
}

struct step *document_file_step(struct iqm_call *call, const struct document_kind *kind)
{
    struct document_file *file = iqm_arena_alloc(call->arena, sizeof *file);

    if (file == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    file->kind = kind;
    if (take_format(file, call) != 0) {
        iqm_auth_refuse(call);
        return NULL;
    }
    file->step = step_new(call);
    if (file->step != NULL) {
        file->step->user = file;
        call->release = release;
    }
    return file->step;
}

bool document_file_wanted(const struct step *step)
{
    const struct document_file *file = step->user;

    return file->export.format != NULL;
}

void document_file_answer(struct step *step, const PGresult *rows)
{
    struct document_file *file = step->user;

    if (!document_file_wanted(step)) {
        step_answer_document(step, rows);
    } else if (step_shows(step, rows, 0)) {
        file->document = iqm_pg_slice(rows, 0, 0);
        take_rows(file);
        iqm_export_answer(&file->export);
    }
}
