/*
 * Working days in England and Wales: no Saturday, no Sunday and no bank holiday. Pure arithmetic on
 * dates (see calendar.h). The eight yearly bank holidays are computed, with their substitute days
 * (Banking and Financial Dealings Act 1971, schedule 1); what was proclaimed otherwise for a year
 * stands in a table, and what is proclaimed from now on comes with the call.
 */
#ifndef IQM_WORKING_DAYS_H
#define IQM_WORKING_DAYS_H

#include "iqm/calendar.h"

/* A day on which the rule does not hold. */
struct iqm_bank_holiday {
    char day[IQM_DATE_TEXT];
    bool is_removed; /* a bank holiday by the rule that was moved away; else one that was added */
};

/* Exceptions beside those of the table; each wins over the rule and the table. */
struct iqm_bank_holidays {
    const struct iqm_bank_holiday *days;
    size_t count;
};

/* Whether it is a bank holiday, a substitute day included. `more` may be NULL. */
bool iqm_is_bank_holiday(const char *date, const struct iqm_bank_holidays *more);

bool iqm_is_working_day(const char *date, const struct iqm_bank_holidays *more);

/* The date itself where it is a working day, else the first one after it. */
void iqm_next_working_day(
    const char *date, const struct iqm_bank_holidays *more, char ret_date[static IQM_DATE_TEXT]);

#endif
