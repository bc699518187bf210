/* The documents of a list, by a cursor in the snapshot: few large ones at a time, or many small. */
#include "iqm/ask.h"
#include "iqm/keyring.h"
#include "iqm/pg.h"
#include "programme/download/sheets.h"

#include <stdio.h>
#include <string.h>

#define CURSOR "listed"
/* A document has 1 MiB at most (IQM_BODY_MAX): the first fetch may bring so many of those. */
#define FIRST_ROWS 8
#define ROWS_MAX 500
#define FETCH_BYTES ((size_t)256 * 1024)
#define FETCH_MEMORY ((size_t)48 * 1024 * 1024)
#define NOBODY "00000000-0000-0000-0000-000000000000"

static int ask(const struct rows *rows, const char *sql, PGresult **ret_result)
{
    PGconn *connection = rows->file->connection;
    PGresult *result = iqm_ask(connection, sql, 0, NULL, NULL, NULL, rows->file->stopping);

    if (result == NULL)
        return iqm_ask_is_lost(connection) ? IQM_EPGLOST : IQM_EPG;
    *ret_result = result;
    return 0;
}

int rows_open(
    struct rows *rows, const struct iqm_programme_file *file, const struct iqm_resource *resource)
{
    char sql[200];
    PGresult *opened = NULL;

    *rows = (struct rows){.file = file, .resource = resource, .most = FIRST_ROWS};
    snprintf(sql, sizeof sql,
        "DECLARE " CURSOR " NO SCROLL CURSOR FOR SELECT doc::text FROM %s ORDER BY id",
        resource->name);
    int error = ask(rows, sql, &opened);
    PQclear(opened);
    return error;
}

/* As many as fit by what came before, but never suddenly more. */
static unsigned next_most(const struct rows *rows)
{
    size_t bytes = 1, count = (size_t)PQntuples(rows->fetched);

    for (size_t i = 0; i < count; i++)
        bytes += (size_t)PQgetlength(rows->fetched, (int)i, 0);
    size_t fit = FETCH_BYTES * count / bytes;
    size_t next = fit < 2 * (size_t)rows->most ? fit : 2 * (size_t)rows->most;
    if (next > ROWS_MAX)
        next = ROWS_MAX;
    return next > 0 ? (unsigned)next : 1;
}

/* Whose the documents are, and that the file tells about them. */
static int find_people(const struct rows *rows, const struct iqm_slice *stored, size_t count,
    char (*people)[IQM_UUID_TEXT])
{
    size_t room = count * IQM_UUID_TEXT + 3, length = 1;
    char *array = iqm_arena_bytes(rows->arena, room);

    if (array == NULL)
        return IQM_ENOMEM;
    array[0] = '{';
    for (size_t i = 0; i < count; i++) {
        if (iqm_sealed_person(rows->resource, stored[i], people[i]) != 0)
            memcpy(people[i], NOBODY, sizeof NOBODY);
        else
            length += (size_t)snprintf(
                array + length, room - length, "%s%s", length > 1 ? "," : "", people[i]);
    }
    snprintf(array + length, room - length, "}");
    return rows->file->note(rows->file->user, array);
}

static int open_documents(
    const struct rows *rows, const struct iqm_slice *stored, struct iqm_slice *opened, size_t count)
{
    const struct iqm_programme_file *file = rows->file;
    char(*people)[IQM_UUID_TEXT] = iqm_arena_array(rows->arena, count + 1, sizeof *people);
    struct iqm_person_key *keys = NULL;
    int error = people != NULL ? find_people(rows, stored, count, people) : IQM_ENOMEM;

    if (error == 0)
        error = iqm_keys_ask(file->keys, file->secrets, rows->arena,
            (const char(*)[IQM_UUID_TEXT])people, count, file->stopping, &keys);
    for (size_t i = 0; error == 0 && i < count; i++)
        error = iqm_open_stored(rows->arena, rows->resource, &keys[i], stored[i], &opened[i]);
    return error;
}

static int take_documents(struct rows *rows)
{
    size_t count = (size_t)PQntuples(rows->fetched);
    struct iqm_slice *stored = iqm_arena_array(rows->arena, count + 1, sizeof *stored);
    struct iqm_slice *opened = iqm_arena_array(rows->arena, count + 1, sizeof *opened);

    if (stored == NULL || opened == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < count; i++)
        stored[i] = iqm_pg_slice(rows->fetched, (int)i, 0);
    rows->count = count;
    rows->documents = rows->resource->subject != NULL ? opened : stored;
    return rows->resource->subject != NULL && count > 0
               ? open_documents(rows, stored, opened, count)
               : 0;
}

static void forget(struct rows *rows)
{
    PQclear(rows->fetched);
    rows->fetched = NULL;
    iqm_arena_free(rows->arena);
    rows->arena = NULL;
}

int rows_fetch(struct rows *rows)
{
    char sql[60];

    forget(rows);
    rows->arena = iqm_arena_new(FETCH_MEMORY);
    if (rows->arena == NULL)
        return IQM_ENOMEM;
    snprintf(sql, sizeof sql, "FETCH FORWARD %u FROM " CURSOR, rows->most);
    int error = ask(rows, sql, &rows->fetched);
    if (error != 0)
        return error;
    rows->most = next_most(rows);
    return take_documents(rows);
}

/* The cursor of a list that failed goes with its transaction. */
void rows_close(struct rows *rows)
{
    PGresult *closed = NULL;

    forget(rows);
    if (PQtransactionStatus(rows->file->connection) == PQTRANS_INTRANS)
        ask(rows, "CLOSE " CURSOR, &closed);
    PQclear(closed);
}
