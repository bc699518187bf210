/*
 * A row of the register's file as the members of a School that the register owns.
 * Knows the register's columns and rules; no files and no database.
 */
#ifndef IQM_REGISTER_RECORD_H
#define IQM_REGISTER_RECORD_H

#include "iqm/register.h"
#include "programme/register/csv.h"

/* The columns that are read, and no others: heads and proprietors are people, and are not here. */
enum iqm_register_column {
    IQM_COLUMN_URN,
    IQM_COLUMN_LA_CODE,
    IQM_COLUMN_LA_NAME,
    IQM_COLUMN_NUMBER,
    IQM_COLUMN_NAME,
    IQM_COLUMN_TYPE,
    IQM_COLUMN_STATUS,
    IQM_COLUMN_OPEN_DATE,
    IQM_COLUMN_CLOSE_DATE,
    IQM_COLUMN_PHASE,
    IQM_COLUMN_LOW_AGE,
    IQM_COLUMN_HIGH_AGE,
    IQM_COLUMN_GENDER,
    IQM_COLUMN_RELIGION,
    IQM_COLUMN_UKPRN,
    IQM_COLUMN_STREET,
    IQM_COLUMN_LOCALITY,
    IQM_COLUMN_ADDRESS_3,
    IQM_COLUMN_TOWN,
    IQM_COLUMN_COUNTY,
    IQM_COLUMN_POSTCODE,
    IQM_COLUMN_WEBSITE,
    IQM_COLUMN_TELEPHONE,
    IQM_COLUMN_REGION,
    IQM_COLUMN_COUNTRY,
    IQM_COLUMN_COUNT,
};

/* Where the columns stand in one file. */
struct iqm_register_columns {
    size_t width; /* fields of the header row, and so of every row */
    bool present[IQM_COLUMN_COUNT];
    size_t index[IQM_COLUMN_COUNT];
};

/* Members of a School that the register owns, in the contract's order; ends with NULL. */
extern const char *const iqm_register_members[];

/* Reads the header row. IQM_EINVAL: the report says what is wrong; IQM_ENOMEM. */
int iqm_register_header(const struct iqm_csv_row *row, struct iqm_register_report *report,
    struct iqm_register_columns *ret_columns);

/*
 * Checks one row and makes its record (new reference, members in the contract's order, those
 * without a value left out). IQM_EINVAL: every fault is in the report; IQM_ENOMEM.
 * `report` may be NULL.
 */
int iqm_register_record(const struct iqm_register_columns *columns, const struct iqm_csv_row *row,
    struct iqm_register_report *report, json_t **ret_record);

/*
 * `record` with those members taken over from `base` whose columns this file does not have: a
 * column that is not there says nothing about its schools. New reference, or NULL for no memory.
 */
json_t *iqm_register_carry(
    const struct iqm_register_columns *columns, const json_t *base, json_t *record);

/*
 * Three-way merge: what the register changed since `base` (what it said at the last import; NULL
 * when there was none) goes into `ours` unless people changed that member here. ret_merged: a new
 * document with members in the contract's order, or NULL when `ours` stays as it is. IQM_ENOMEM.
 */
int iqm_register_merge(
    const json_t *base, const json_t *ours, const json_t *theirs, json_t **ret_merged);

/* Adds to a report; no value that could be a person's belongs into a detail. `report` may be NULL,
 * then it is lost. The longest detail is cut between characters. */
void iqm_register_error(struct iqm_register_report *report, uint64_t line, const char *column,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void iqm_register_warning(struct iqm_register_report *report, uint64_t line, const char *column,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void iqm_register_report_free(struct iqm_register_report *report);

#endif
