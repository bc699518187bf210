/* The file from front to back: the note, the lists, the dictionary. */
#include "contract_tables.h"
#include "iqm/ask.h"
#include "programme/download/sheets.h"

#include <stdio.h>
#include <string.h>

#define LISTS_MEMORY ((size_t)8 * 1024 * 1024)

struct writing {
    struct sheets sheets;
    struct iqm_arena *arena; /* as long as the file */
    struct list *lists;
    size_t list_count;
    uint64_t done, total;
    char at[40]; /* the snapshot */
};

bool iqm_programme_snapshot(PGconn *connection, const atomic_bool *stopping)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *begun = iqm_ask(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0,
        NULL, NULL, NULL, stopping);

    return begun != NULL;
}

static bool is_for_head_office(const struct iqm_operation *operation)
{
    return operation->roles != NULL && strstr(operation->roles, "head_office") != NULL;
}

/* "/v1/imports/register" is the sheet "imports-register". */
static void name_sheet(struct list *list)
{
    const char *path = list->resource->collection;

    snprintf(list->name, sizeof list->name, "%s", strncmp(path, "/v1/", 4) == 0 ? path + 4 : path);
    for (char *p = list->name; *p != '\0'; p++)
        *p = *p == '/' ? '-' : *p;
}

int lists_find(struct iqm_arena *arena, struct list **ret_lists, size_t *ret_count)
{
    struct list *lists = iqm_arena_array(arena, iqm_contract.operation_count, sizeof *lists);
    size_t count = 0;

    if (lists == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < iqm_contract.operation_count; i++) {
        const struct iqm_operation *operation = &iqm_contract.operations[i];
        if (operation->handler != iqm_resource_list || !is_for_head_office(operation))
            continue;
        struct list *list = &lists[count++];
        list->resource = operation->resource;
        name_sheet(list);
        int error = iqm_table_make(
            arena, &iqm_contract, list->resource->schema, IQM_NO_SCHEMA, NULL, NULL, &list->table);
        if (error != 0)
            return error;
    }
    *ret_lists = lists;
    *ret_count = count;
    return 0;
}

/* How many there are, and when that was. */
static int count_lists(struct writing *writing)
{
    const struct iqm_programme_file *file = writing->sheets.file;

    for (size_t i = 0; i < writing->list_count; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
            "SELECT count(*), to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM %s",
            writing->lists[i].resource->name);
        IQM_CLEANUP(iqm_ask_clear)
        PGresult *row = iqm_ask(file->connection, sql, 0, NULL, NULL, NULL, file->stopping);
        if (PQntuples(row) != 1)
            return iqm_ask_is_lost(file->connection) ? IQM_EPGLOST : IQM_EPG;
        writing->lists[i].total = (uint64_t)iqm_ask_int64(row, 0);
        writing->total += writing->lists[i].total;
        snprintf(
            writing->at, sizeof writing->at, "%.*s", PQgetlength(row, 0, 1), PQgetvalue(row, 0, 1));
    }
    return 0;
}

static int tell(const struct writing *writing)
{
    const struct iqm_programme_file *file = writing->sheets.file;

    if (atomic_load(file->stopping))
        return IQM_EPGLOST;
    return file->tell(file->user, writing->done, writing->total, writing->at);
}

static int write_rows(
    struct writing *writing, const struct list *list, struct rows *rows, struct iqm_slice *cells)
{
    struct sheets *sheets = &writing->sheets;
    int error = 0;

    for (size_t i = 0; i < rows->count && error == 0; i++) {
        if (rows->documents[i].ptr == NULL)
            continue;
        iqm_table_read(list->table, rows->documents[i], cells);
        error = sheets->format->row(sheets, rows->arena, cells);
    }
    writing->done += rows->count;
    return error == 0 ? tell(writing) : error;
}

static int write_list(struct writing *writing, const struct list *list)
{
    struct sheets *sheets = &writing->sheets;
    struct rows rows = {0};
    struct iqm_slice *cells =
        iqm_arena_array(writing->arena, list->table->column_count + 1, sizeof *cells);
    int error = cells != NULL ? sheets->format->sheet(sheets, list->name, list->table) : IQM_ENOMEM;

    if (error == 0)
        error = rows_open(&rows, sheets->file, list->resource);
    while (error == 0) {
        error = rows_fetch(&rows);
        if (rows.count == 0)
            break;
        if (error == 0)
            error = write_rows(writing, list, &rows, cells);
    }
    if (rows.file != NULL)
        rows_close(&rows);
    return error;
}

static int write_all(struct writing *writing)
{
    struct sheets *sheets = &writing->sheets;
    int error = lists_find(writing->arena, &writing->lists, &writing->list_count);

    if (error == 0)
        error = count_lists(writing);
    if (error == 0)
        error = tell(writing);
    if (error == 0)
        error = sheets->format->begin(sheets);
    if (error == 0)
        error =
            note_write(sheets, writing->arena, writing->lists, writing->list_count, writing->at);
    for (size_t i = 0; i < writing->list_count && error == 0; i++)
        error = write_list(writing, &writing->lists[i]);
    if (error == 0)
        error = dictionary_write(sheets, writing->arena, writing->lists, writing->list_count);
    return error == 0 ? sheets->format->end(sheets) : error;
}

int iqm_programme_file_write(const struct iqm_programme_file *file)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(LISTS_MEMORY);
    struct writing writing = {
        .sheets = {.file = file, .format = file->is_csv ? &sheets_csv : &sheets_xlsx},
        .arena = arena};
    int error = arena != NULL ? write_all(&writing) : IQM_ENOMEM;

    sheets_free(&writing.sheets);
    return error;
}
