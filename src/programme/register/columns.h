/*
 * Between the files that read a row: the columns' names and the cleaned value of a field.
 * Not for other rooms.
 */
#ifndef IQM_REGISTER_COLUMNS_H
#define IQM_REGISTER_COLUMNS_H

#include "programme/register/record.h"

extern const char *const iqm_register_column_names[IQM_COLUMN_COUNT];

/* No member takes more than 400 characters, of at most four bytes each. */
#define IQM_VALUE_MAX ((size_t)400 * 4)

/* A field without surrounding space, with line breaks and runs of spaces made one space. */
struct iqm_register_value {
    size_t len;    /* bytes kept in `text` */
    size_t points; /* characters of the whole, also those that found no room */
    char text[IQM_VALUE_MAX + 1];
};

/* Cleans a field of UTF-8. */
void iqm_register_clean(struct iqm_slice field, struct iqm_register_value *ret_value);

/* The length of the longest beginning of UTF-8 text of at most `limit` bytes that cuts no
 * character. */
size_t iqm_register_cut(const char *text, size_t len, size_t limit);

/*
 * The rules of single values; each takes the cleaned value and gives its text as the contract has
 * it. All return false when the value is not of its kind.
 */
bool iqm_register_date(const char *text, char ret_date[11]);
bool iqm_register_number(const char *text, unsigned maximum, unsigned *ret_number);
bool iqm_register_digits(const char *text, size_t len, char *ret_digits);
bool iqm_register_postcode(const char *text, char ret_postcode[9]);
bool iqm_register_telephone(const char *text, char ret_telephone[41]);
bool iqm_register_website(const char *text, char ret_website[401]);
const char *iqm_register_status(const char *text);

/* The nation of a school, or NULL when nothing tells. Arguments are "" where not known. */
const char *iqm_register_nation(
    const char *country, const char *region, const char *urn, const char *la_code);

#endif
