/* The school year: academic years, terms, and when Easter is. Dates are text as in the contract,
 * YYYY-MM-DD, already checked; as text they compare in the order of time. */
#ifndef IQM_CALENDAR_H
#define IQM_CALENDAR_H

#include "iqm/base.h"

#define IQM_DATE_TEXT 11
#define IQM_ACADEMIC_YEAR_TEXT 8

/* "2026/27" for a date from 1 September 2026 to 31 August 2027. */
void iqm_calendar_academic_year(const char *date, char ret_year[static IQM_ACADEMIC_YEAR_TEXT]);

/* Easter Sunday of a year after 1582 (Gregorian calendar; Meeus, Astronomical Algorithms, ch. 8).
 */
void iqm_calendar_easter(int year, char ret_date[static IQM_DATE_TEXT]);

/* "autumn", "spring" or "summer" where no authority says otherwise: 1 September to 31 December,
 * 1 January to Easter Sunday, Easter Monday to 31 August. */
const char *iqm_calendar_fallback_term(const char *date);

#endif
