/*
 * The header row: which column stands where. Columns are found by name, as their set and order
 * change from year to year; it must not depend on a position.
 */
#include "programme/register/columns.h"

#include <stdlib.h>
#include <string.h>

const char *const iqm_register_column_names[IQM_COLUMN_COUNT] = {
    [IQM_COLUMN_URN] = "URN",
    [IQM_COLUMN_LA_CODE] = "LA (code)",
    [IQM_COLUMN_LA_NAME] = "LA (name)",
    [IQM_COLUMN_NUMBER] = "EstablishmentNumber",
    [IQM_COLUMN_NAME] = "EstablishmentName",
    [IQM_COLUMN_TYPE] = "TypeOfEstablishment (name)",
    [IQM_COLUMN_STATUS] = "EstablishmentStatus (name)",
    [IQM_COLUMN_OPEN_DATE] = "OpenDate",
    [IQM_COLUMN_CLOSE_DATE] = "CloseDate",
    [IQM_COLUMN_PHASE] = "PhaseOfEducation (name)",
    [IQM_COLUMN_LOW_AGE] = "StatutoryLowAge",
    [IQM_COLUMN_HIGH_AGE] = "StatutoryHighAge",
    [IQM_COLUMN_GENDER] = "Gender (name)",
    [IQM_COLUMN_RELIGION] = "ReligiousCharacter (name)",
    [IQM_COLUMN_UKPRN] = "UKPRN",
    [IQM_COLUMN_STREET] = "Street",
    [IQM_COLUMN_LOCALITY] = "Locality",
    [IQM_COLUMN_ADDRESS_3] = "Address3",
    [IQM_COLUMN_TOWN] = "Town",
    [IQM_COLUMN_COUNTY] = "County (name)",
    [IQM_COLUMN_POSTCODE] = "Postcode",
    [IQM_COLUMN_WEBSITE] = "SchoolWebsite",
    [IQM_COLUMN_TELEPHONE] = "TelephoneNum",
    [IQM_COLUMN_REGION] = "GOR (name)",
    [IQM_COLUMN_COUNTRY] = "Country (name)",
};

static const enum iqm_register_column required[] = {
    IQM_COLUMN_URN, IQM_COLUMN_NAME, IQM_COLUMN_STATUS};

/* The longest name of a column that counts; the register's are a third of it. */
#define NAME_MAX_LEN 120

struct name {
    char key[NAME_MAX_LEN + 1]; /* lower case, without spaces */
    size_t index;
};

/* Case and spaces differ between copies of the file; nothing else of a name may. */
static void make_key(struct iqm_slice text, char ret_key[NAME_MAX_LEN + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < NAME_MAX_LEN; i++) {
        char byte = text.ptr[i];
        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')
            continue;
        ret_key[len++] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    ret_key[len] = '\0';
}

static int compare_names(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    int order = strcmp(left->key, right->key);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

/* Two columns of one name: no telling which of them to believe. */
static bool check_twins(const struct iqm_csv_row *row, const struct name *names, size_t count,
    struct iqm_register_report *report)
{
    bool good = true;
    for (size_t i = 1; i < count; i++) {
        if (names[i].key[0] == '\0' || strcmp(names[i].key, names[i - 1].key) != 0)
            continue;
        struct iqm_slice field = row->fields[names[i].index];
        iqm_register_error(report, row->line, NULL,
            "The header names the column \"%.*s\" twice (columns %zu and %zu).",
            (int)iqm_register_cut(field.ptr, field.len, 100), field.ptr, names[i - 1].index + 1,
            names[i].index + 1);
        good = false;
    }
    return good;
}

static void find_columns(
    const struct name *names, size_t count, struct iqm_register_columns *columns)
{
    for (size_t c = 0; c < IQM_COLUMN_COUNT; c++) {
        const char *name = iqm_register_column_names[c];
        char key[NAME_MAX_LEN + 1];
        make_key((struct iqm_slice){name, strlen(name)}, key);
        for (size_t i = 0; i < count && !columns->present[c]; i++)
            if (strcmp(names[i].key, key) == 0) {
                columns->present[c] = true;
                columns->index[c] = names[i].index;
            }
    }
}

static bool check_required(const struct iqm_csv_row *row,
    const struct iqm_register_columns *columns, struct iqm_register_report *report)
{
    char missing[200] = "";
    for (size_t i = 0; i < IQM_LENGTH(required); i++) {
        if (columns->present[required[i]])
            continue;
        if (missing[0])
            strcat(missing, ", ");
        strcat(missing, iqm_register_column_names[required[i]]);
    }
    if (!missing[0])
        return true;
    iqm_register_error(report, row->line, NULL,
        "The header row lacks required columns of the register: %s.", missing);
    return false;
}

static void warn_missing(const struct iqm_csv_row *row, const struct iqm_register_columns *columns,
    struct iqm_register_report *report)
{
    for (size_t c = 0; c < IQM_COLUMN_COUNT; c++)
        if (!columns->present[c])
            iqm_register_warning(report, row->line, iqm_register_column_names[c],
                "The file lacks this column; schools keep what they have of it.");
}

int iqm_register_header(const struct iqm_csv_row *row, struct iqm_register_report *report,
    struct iqm_register_columns *ret_columns)
{
    IQM_CLEANUP(iqm_free_pointer) struct name *names = calloc(row->count, sizeof(*names));
    if (!names)
        return IQM_ENOMEM;
    for (size_t i = 0; i < row->count; i++) {
        make_key(row->fields[i], names[i].key);
        names[i].index = i;
    }
    qsort(names, row->count, sizeof(*names), compare_names);
    struct iqm_register_columns columns = {.width = row->count};
    find_columns(names, row->count, &columns);
    bool whole = check_required(row, &columns, report);
    if (!check_twins(row, names, row->count, report) || !whole)
        return IQM_EINVAL;
    warn_missing(row, &columns, report);
    *ret_columns = columns;
    return 0;
}
