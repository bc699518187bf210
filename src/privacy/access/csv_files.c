/*
 * Access as files for a spreadsheet, packed together: one of each place that has rows, one of the
 * mentions, and what it is all kept for.
 */
#include "iqm/csv.h"
#include "privacy/access/access.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const history_columns[] = {
    "resource", "id", "version", "at", "actor", "document"};
static const char *const mention_columns[] = {
    "resource", "id", "version", "pointer", "found", "text"};

/* The columns of a place's file: of documents, the members of their schema in its order. */
static int name_columns(struct access *access)
{
    const struct iqm_place *place = access->place;
    const struct iqm_schema *schema =
        place->resource != NULL ? &access->call->contract->schemas[place->resource->schema] : NULL;
    size_t most = schema != NULL ? schema->member_count : place->column_count;
    size_t count = 0;

    access->columns = iqm_arena_array(access->call->arena, most + 1, sizeof *access->columns);
    if (access->columns == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < most; i++) {
        if (schema != NULL)
            access->columns[count++] = schema->members[i].name;
        else if (!place->columns[i].withheld)
            access->columns[count++] = place->columns[i].name;
    }
    access->column_count = count;
    return 0;
}

static int add_line(struct access *access)
{
    int error = access->line.failed
                    ? IQM_ENOMEM
                    : iqm_archive_add(access->zip, access->line.bytes, access->line.length);

    iqm_buffer_empty(&access->line);
    return error;
}

static int begin_file(
    struct access *access, const char *name, const char *const *columns, size_t count)
{
    char *path = iqm_arena_printf(access->call->arena, "%s.csv", name);

    if (path == NULL || iqm_archive_entry(access->zip, path, time(NULL)) != 0)
        return IQM_ENOMEM;
    iqm_buffer_text(&access->line, IQM_CSV_MARK);
    iqm_csv_record(&access->line, columns, count);
    return add_line(access);
}

static int add_text_file(struct access *access, const char *name, const char *text)
{
    if (text == NULL || iqm_archive_entry(access->zip, name, time(NULL)) != 0)
        return IQM_ENOMEM;
    return iqm_archive_add(access->zip, text, strlen(text));
}

static int begin(struct access *access)
{
    char *processing = access_processing(access);
    char *about = iqm_arena_printf(access->call->arena,
        "Everything that is held about the person %s, as of %s.\r\n\r\n"
        "Each .csv file has the rows of one place (UTF-8, RFC 4180); a place without rows has "
        "no\r\n"
        "file. What begins with = + - or @ has an apostrophe in front, so that a spreadsheet "
        "takes\r\n"
        "it for text. mentions.csv has texts of other records that may name the person: whether\r\n"
        "they do is for a human to judge. processing.json tells what is kept for which purpose, "
        "on\r\n"
        "which ground, for how long, and who receives it. Left out are passwords and other "
        "secrets.\r\n",
        access->person, access->made_at);
    int error = IQM_ENOMEM;

    access->zip = iqm_archive_new(&access->text);
    if (access->zip != NULL && about != NULL)
        error = add_text_file(access, "about.txt", about);
    if (error == 0)
        error = add_text_file(access, "processing.json", processing);
    free(processing);
    return error;
}

static int place(struct access *access)
{
    access->any = false;
    return 0;
}

/* The first row brings the file. */
static int begin_place(struct access *access)
{
    if (access->any)
        return 0;
    access->any = true;
    if (strcmp(access->place->name, "history") == 0)
        return begin_file(access, "history", history_columns, IQM_LENGTH(history_columns));
    if (name_columns(access) != 0)
        return IQM_ENOMEM;
    return begin_file(access, access->place->name, access->columns, access->column_count);
}

static void add_history(struct iqm_csv *csv, const json_t *beside, const json_t *document)
{
    for (size_t i = 0; i + 1 < IQM_LENGTH(history_columns); i++)
        iqm_csv_value(csv, json_object_get(beside, history_columns[i]));
    iqm_csv_value(csv, document);
}

static int row(struct access *access, const struct access_row *row)
{
    struct iqm_csv csv = {.out = &access->line};
    int error = begin_place(access);

    if (error != 0)
        return error;
    json_t *document = row->document.ptr != NULL
                           ? json_loadb(row->document.ptr, row->document.len, 0, NULL)
                           : NULL;
    json_t *beside =
        row->beside.ptr != NULL ? json_loadb(row->beside.ptr, row->beside.len, 0, NULL) : NULL;
    if (beside != NULL)
        add_history(&csv, beside, document);
    for (size_t i = 0; beside == NULL && i < access->column_count; i++)
        iqm_csv_value(&csv, json_object_get(document, access->columns[i]));
    iqm_csv_end(&csv);
    json_decref(document);
    json_decref(beside);
    return add_line(access);
}

static int place_end(struct access *access)
{
    (void)access;
    return 0;
}

static int mentions(struct access *access)
{
    return begin_file(access, "mentions", mention_columns, IQM_LENGTH(mention_columns));
}

static int mention(struct access *access, const struct mention *mention)
{
    const char *const fields[] = {mention->resource, mention->id,
        mention->version != NULL ? mention->version : "", mention->pointer, mention->kind,
        mention->excerpt};

    iqm_csv_record(&access->line, fields, IQM_LENGTH(fields));
    return add_line(access);
}

static int end(struct access *access)
{
    return iqm_archive_end(access->zip);
}

const struct access_form access_as_csv_files = {
    "application/zip", begin, place, row, place_end, mentions, mention, end};
