/* Bank holidays of England and Wales: computed, but for the years in which they were moved. */
#include "iqm/working_days.h"

#include <string.h>

enum { MONDAY = 1, TUESDAY, SATURDAY = 6 };

/* Royal proclamations under section 1 of the Act, since 1995. */
static const struct iqm_bank_holiday proclaimed[] = {
    {"1995-05-01", true},                         /* early May, to 50 years of VE day */
    {"1995-05-08", false}, {"1999-12-31", false}, /* the millennium */
    {"2002-05-27", true},                         /* spring, to the Golden Jubilee */
    {"2002-06-03", false}, {"2002-06-04", false}, {"2011-04-29", false}, /* a royal wedding */
    {"2012-05-28", true}, /* spring, to the Diamond Jubilee */
    {"2012-06-04", false}, {"2012-06-05", false},
    {"2020-05-04", true},                        /* early May, to 75 years of VE day */
    {"2020-05-08", false}, {"2022-05-30", true}, /* spring, to the Platinum Jubilee */
    {"2022-06-02", false}, {"2022-06-03", false},
    {"2022-09-19", false}, /* the State Funeral of Queen Elizabeth II */
    {"2023-05-08", false}, /* the Coronation of King Charles III */
};

/* Month and day of a date as one number: 1225 is Christmas. */
static int month_and_day(const char *date)
{
    return (date[5] - '0') * 1000 + (date[6] - '0') * 100 + (date[8] - '0') * 10 + (date[9] - '0');
}

static bool is_from_easter(const char *date, int days)
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_easter(date, day);
    iqm_calendar_add(day, 0, days, day);
    return strcmp(day, date) == 0;
}

/* New Year's Day, or the Monday after it where it is on a weekend. */
static bool is_new_year(int day, int weekday)
{
    return (day == 101 && weekday < SATURDAY) || (weekday == MONDAY && (day == 102 || day == 103));
}

/* Christmas and Boxing Day, each moved past the weekend and past each other. */
static bool is_christmas(int day, int weekday)
{
    if (day == 1225 || day == 1226)
        return weekday < SATURDAY;
    return (day == 1227 && (weekday == MONDAY || weekday == TUESDAY)) ||
           (day == 1228 && (weekday == MONDAY || weekday == TUESDAY));
}

/* The first Monday of May, its last, and the last of August. */
static bool is_monday_holiday(int day, int weekday)
{
    return weekday == MONDAY &&
           ((day >= 501 && day <= 507) || (day >= 525 && day <= 531) || (day >= 825 && day <= 831));
}

static bool is_by_rule(const char *date)
{
    int day = month_and_day(date), weekday = iqm_calendar_weekday(date);

    return is_new_year(day, weekday) || is_christmas(day, weekday) ||
           is_monday_holiday(day, weekday) || is_from_easter(date, -2) || is_from_easter(date, 1);
}

static const struct iqm_bank_holiday *find(
    const struct iqm_bank_holiday *days, size_t count, const char *date)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(days[i].day, date) == 0)
            return &days[i];
    }
    return NULL;
}

bool iqm_is_bank_holiday(const char *date, const struct iqm_bank_holidays *more)
{
    const struct iqm_bank_holiday *found =
        more != NULL ? find(more->days, more->count, date) : NULL;

    if (found == NULL)
        found = find(proclaimed, IQM_LENGTH(proclaimed), date);
    return found != NULL ? !found->is_removed : is_by_rule(date);
}

bool iqm_is_working_day(const char *date, const struct iqm_bank_holidays *more)
{
    return !iqm_calendar_is_weekend(date) && !iqm_is_bank_holiday(date, more);
}

void iqm_next_working_day(
    const char *date, const struct iqm_bank_holidays *more, char ret_date[static IQM_DATE_TEXT])
{
    memmove(ret_date, date, IQM_DATE_TEXT);
    while (!iqm_is_working_day(ret_date, more))
        iqm_calendar_add(ret_date, 0, 1, ret_date);
}
