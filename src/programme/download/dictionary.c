/*
 * The dictionary of the data, straight from the contract: what each column is, which values it may
 * have, and what it tells about people. And the note on the first sheet.
 */
#include "contract_tables.h"
#include "programme/download/sheets.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 8 /* of members and items that are looked into */

enum column { LIST, COLUMN, TYPE, DESCRIPTION, VALUES, PERSONAL, PURPOSE, KEPT, COLUMNS };

static const struct iqm_table dictionary = {
    .columns = {{"list", IQM_CELL_TEXT, IQM_NO_SCHEMA}, {"column", IQM_CELL_TEXT, IQM_NO_SCHEMA},
        {"type", IQM_CELL_TEXT, IQM_NO_SCHEMA}, {"description", IQM_CELL_TEXT, IQM_NO_SCHEMA},
        {"values", IQM_CELL_TEXT, IQM_NO_SCHEMA}, {"personal", IQM_CELL_TEXT, IQM_NO_SCHEMA},
        {"purpose", IQM_CELL_TEXT, IQM_NO_SCHEMA}, {"kept", IQM_CELL_TEXT, IQM_NO_SCHEMA}},
    .column_count = COLUMNS};
static const struct iqm_table about = {
    .columns = {{"about", IQM_CELL_TEXT, IQM_NO_SCHEMA}, {"said", IQM_CELL_TEXT, IQM_NO_SCHEMA}},
    .column_count = 2};

/* A text as a cell, which is JSON; nothing where there is none. */
static int set_text(struct iqm_arena *arena, struct iqm_slice *cell, const char *text)
{
    *cell = (struct iqm_slice){NULL, 0};
    if (text == NULL || *text == '\0')
        return 0;
    json_t *string = json_string(text);
    size_t length = string != NULL ? json_dumpb(string, NULL, 0, JSON_ENCODE_ANY) : 0;
    char *bytes = length > 0 ? iqm_arena_bytes(arena, length) : NULL;
    if (bytes != NULL) {
        json_dumpb(string, bytes, length, JSON_ENCODE_ANY);
        *cell = (struct iqm_slice){bytes, length};
    }
    json_decref(string);
    return bytes != NULL ? 0 : IQM_ENOMEM;
}

static const char *type_of(const struct iqm_schema *schema)
{
    static const char *const formats[] = {[IQM_FORMAT_UUID] = "id",
        [IQM_FORMAT_DATE] = "date",
        [IQM_FORMAT_DATE_TIME] = "time (UTC)",
        [IQM_FORMAT_EMAIL] = "e-mail address",
        [IQM_FORMAT_URI] = "address (URI)"};
    unsigned types = schema->types & ~(unsigned)IQM_JSON_NULL;

    if (types == IQM_JSON_STRING && schema->format != IQM_FORMAT_NONE)
        return formats[schema->format];
    if (types == IQM_JSON_STRING)
        return schema->enumeration != NULL ? "one of the values" : "text";
    if (types == IQM_JSON_INTEGER)
        return "whole number";
    if (types == IQM_JSON_NUMBER)
        return "number";
    if (types == IQM_JSON_BOOLEAN)
        return "true or false";
    return types == IQM_JSON_ARRAY ? "list (JSON)" : "JSON";
}

/* Whether its values are free to begin like a formula. */
static bool may_look_like_formula(const struct iqm_schema *schema)
{
    return (schema->types & ~(unsigned)IQM_JSON_NULL) == IQM_JSON_STRING &&
           schema->enumeration == NULL &&
           (schema->format == IQM_FORMAT_NONE || schema->format == IQM_FORMAT_EMAIL);
}

/* The type, and what the format adds to its values. */
static const char *type_in(
    const struct sheets *sheets, struct iqm_arena *arena, const struct iqm_schema *schema)
{
    const char *type = type_of(schema);

    if (!sheets->format->marks_formulas || !may_look_like_formula(schema))
        return type;
    return iqm_arena_printf(arena, "%s, with an apostrophe in front of = + - @", type);
}

/* What tells most about people in a value: the string itself, or one inside. */
static const struct iqm_schema *most_personal(uint16_t number, unsigned depth)
{
    const struct iqm_schema *found = &iqm_contract.schemas[number], *inner;

    if (depth == DEPTH_MAX)
        return found;
    for (uint16_t i = 0; i < iqm_contract.schemas[number].member_count; i++) {
        inner = most_personal(iqm_contract.schemas[number].members[i].schema, depth + 1);
        found = inner->personal > found->personal ? inner : found;
    }
    const uint16_t others[] = {
        iqm_contract.schemas[number].items, iqm_contract.schemas[number].additional};
    for (size_t i = 0; i < IQM_LENGTH(others); i++) {
        inner = others[i] != IQM_NO_SCHEMA ? most_personal(others[i], depth + 1) : found;
        found = inner->personal > found->personal ? inner : found;
    }
    return found;
}

/* The words of a list, or of the items of one. */
static const char *values_of(struct iqm_arena *arena, const struct iqm_schema *schema)
{
    const char *text = "";

    if (schema->enumeration == NULL && schema->items != IQM_NO_SCHEMA)
        schema = &iqm_contract.schemas[schema->items];
    if (schema->enumeration == NULL)
        return NULL;
    for (const char *const *value = schema->enumeration; text != NULL && *value != NULL; value++)
        text = iqm_arena_printf(arena, "%s%s%s", text, *text != '\0' ? ", " : "", *value);
    return text;
}

static const char *purpose_of(const struct iqm_schema *schema)
{
    for (size_t i = 0; schema->purpose != NULL && i < iqm_contract.purpose_count; i++) {
        if (strcmp(iqm_contract.purposes[i].name, schema->purpose) == 0)
            return iqm_contract.purposes[i].title;
    }
    return NULL;
}

static const char *kept_of(const struct iqm_schema *schema)
{
    for (size_t i = 0; schema->retention != NULL && i < iqm_contract.retention_count; i++) {
        if (strcmp(iqm_contract.retention[i].name, schema->retention) == 0)
            return iqm_contract.retention[i].title;
    }
    return NULL;
}

static int write_column(struct sheets *sheets, struct iqm_arena *arena, const struct list *list,
    const struct iqm_column *column)
{
    static const char *const personal[] = {[IQM_PERSONAL_NEVER] = "never",
        [IQM_PERSONAL_MAY_MENTION] = "may mention somebody",
        [IQM_PERSONAL_IDENTIFIES] = "identifies"};
    const struct iqm_schema *schema = &iqm_contract.schemas[column->schema];
    const struct iqm_schema *tells = most_personal(column->schema, 0);
    const char *texts[COLUMNS] = {[LIST] = list->name,
        [COLUMN] = column->name,
        [TYPE] = type_in(sheets, arena, schema),
        [DESCRIPTION] = schema->description,
        [VALUES] = values_of(arena, schema),
        [PERSONAL] = personal[tells->personal],
        [PURPOSE] = purpose_of(tells),
        [KEPT] = kept_of(tells)};
    struct iqm_slice cells[COLUMNS];
    int error = 0;

    for (size_t i = 0; i < COLUMNS && error == 0; i++)
        error = set_text(arena, &cells[i], texts[i]);
    return error == 0 ? sheets->format->row(sheets, arena, cells) : error;
}

int dictionary_write(
    struct sheets *sheets, struct iqm_arena *arena, const struct list *lists, size_t count)
{
    int error = sheets->format->sheet(sheets, "data-dictionary", &dictionary);

    for (size_t i = 0; i < count && error == 0; i++) {
        for (size_t j = 0; j < lists[i].table->column_count && error == 0; j++)
            error = write_column(sheets, arena, &lists[i], &lists[i].table->columns[j]);
    }
    return error;
}

static int say(
    struct sheets *sheets, struct iqm_arena *arena, const char *name, const char *sentence)
{
    struct iqm_slice cells[2];
    int error = set_text(arena, &cells[0], name);

    if (error == 0)
        error = set_text(arena, &cells[1], sentence);
    return error == 0 ? sheets->format->row(sheets, arena, cells) : error;
}

int note_write(struct sheets *sheets, struct iqm_arena *arena, const struct list *lists,
    size_t count, const char *snapshot_at)
{
    const char *const said[][2] = {
        {"what this is", "Every list of the programme, as all of it was at one moment."},
        {"moment", snapshot_at}, {"asked for by", sheets->file->asked_by},
        {"version of the contract", iqm_contract.version},
        {"columns", "The sheet or file data-dictionary says what each column is."},
        {"personal data",
            "This names people. Keep it no longer than you need it, hand it to nobody, "
            "and delete it: what is erased in the programme is not erased in here."}};
    int error = sheets->format->sheet(sheets, "about", &about);

    for (size_t i = 0; i < IQM_LENGTH(said) && error == 0; i++)
        error = say(sheets, arena, said[i][0], said[i][1]);
    if (error == 0 && sheets->format->marks_formulas)
        error = say(sheets, arena, "texts",
            "A text that a spreadsheet would take for a formula has an apostrophe in front, an "
            "e-mail address too: one that begins with = + - @ (or a wide form of these), a tab or "
            "a line end. It does not belong to the text.");
    for (size_t i = 0; i < count && error == 0; i++)
        error = say(sheets, arena, iqm_arena_printf(arena, "rows of %s", lists[i].name),
            iqm_arena_printf(arena, "%" PRIu64, lists[i].total));
    return error;
}
