/* Academic years; terms are the database's (term_of). Dates are text as in the contract,
 * YYYY-MM-DD, already checked; as text they compare in the order of time. */
#ifndef IQM_CALENDAR_H
#define IQM_CALENDAR_H

#include "iqm/base.h"

#define IQM_DATE_TEXT 11
#define IQM_ACADEMIC_YEAR_TEXT 8

/* "2026/27" for a date from 1 September 2026 to 31 August 2027. */
void iqm_calendar_academic_year(const char *date, char ret_year[static IQM_ACADEMIC_YEAR_TEXT]);

/* Whether text of that form names a year and the next, all days of which have four-digit years. */
bool iqm_calendar_is_academic_year(const char *text);

/* 2026 of "2026/27". */
int iqm_calendar_first_year(const char *academic_year);

#endif
