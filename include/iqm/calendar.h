/* Academic years; terms are the database's (term_of). Dates are text as in the contract,
 * YYYY-MM-DD, already checked; as text they compare in the order of time. */
#ifndef IQM_CALENDAR_H
#define IQM_CALENDAR_H

#include "iqm/base.h"

#include <time.h>

#define IQM_DATE_TEXT 11
#define IQM_ACADEMIC_YEAR_TEXT 8

/* "2026/27" for a date from 1 September 2026 to 31 August 2027. */
void iqm_calendar_academic_year(const char *date, char ret_year[static IQM_ACADEMIC_YEAR_TEXT]);

/* Whether text of that form names a year and the next, all days of which have four-digit years. */
bool iqm_calendar_is_academic_year(const char *text);

/* The day of a moment where the schools are: UK time, which is an hour ahead of UTC from the last
 * Sunday of March, 01:00 UTC, to that of October (Summer Time Order 2002). */
void iqm_calendar_day(time_t moment, char ret_date[static IQM_DATE_TEXT]);

/* That day so many years and days later, or earlier; 29 February becomes 28 where there is none, as
 * in PostgreSQL. */
void iqm_calendar_add(const char *date, int years, int days, char ret_date[static IQM_DATE_TEXT]);

/* The same date so many months later; where that month has no such date, its last day. Months are
 * not negative, and the year stays below 10000. */
void iqm_calendar_add_months(const char *date, int months, char ret_date[static IQM_DATE_TEXT]);

/* 1 for Monday to 7 for Sunday (ISO 8601). */
int iqm_calendar_weekday(const char *date);

/* Saturday or Sunday. */
bool iqm_calendar_is_weekend(const char *date);

/* Easter Sunday of the date's year. */
void iqm_calendar_easter(const char *date, char ret_date[static IQM_DATE_TEXT]);

/* Days from one date to another. */
int iqm_calendar_days(const char *from, const char *to);

/* 2026 of "2026/27". */
int iqm_calendar_first_year(const char *academic_year);

#endif
