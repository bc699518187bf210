/* The school year. Pure arithmetic on dates; nothing here asks what day it is. */
#include "iqm/calendar.h"

#include <string.h>

static int number_at(const char *date, int from, int digits)
{
    int value = 0;

    for (int i = from; i < from + digits; i++)
        value = value * 10 + (date[i] - '0');
    return value;
}

static void write_date(int year, int month, int day, char *ret_date)
{
    ret_date[0] = (char)('0' + year / 1000 % 10);
    ret_date[1] = (char)('0' + year / 100 % 10);
    ret_date[2] = (char)('0' + year / 10 % 10);
    ret_date[3] = (char)('0' + year % 10);
    ret_date[4] = ret_date[7] = '-';
    ret_date[5] = (char)('0' + month / 10);
    ret_date[6] = (char)('0' + month % 10);
    ret_date[8] = (char)('0' + day / 10);
    ret_date[9] = (char)('0' + day % 10);
    ret_date[10] = '\0';
}

void iqm_calendar_academic_year(const char *date, char ret_year[static IQM_ACADEMIC_YEAR_TEXT])
{
    char first[IQM_DATE_TEXT], second[IQM_DATE_TEXT];
    int year = number_at(date, 0, 4) - (number_at(date, 5, 2) < 9 ? 1 : 0);

    write_date(year, 1, 1, first);
    write_date(year + 1, 1, 1, second);
    memcpy(ret_year, first, 4);
    ret_year[4] = '/';
    memcpy(ret_year + 5, second + 2, 2);
    ret_year[7] = '\0';
}

bool iqm_calendar_is_academic_year(const char *text)
{
    char september[] = "0000-09-01";
    char right[IQM_ACADEMIC_YEAR_TEXT];

    memcpy(september, text, 4);
    iqm_calendar_academic_year(september, right);
    return strcmp(right, text) == 0 && strncmp(text, "0000", 4) != 0 &&
           strncmp(text, "9999", 4) != 0;
}

int iqm_calendar_first_year(const char *academic_year)
{
    return number_at(academic_year, 0, 4);
}

/* Days since 1970-01-01, and back (proleptic Gregorian calendar). */
static int64_t day_number(int year, int month, int day)
{
    int64_t y = year - (month <= 2 ? 1 : 0);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t number_of(const char *date)
{
    return day_number(number_at(date, 0, 4), number_at(date, 5, 2), number_at(date, 8, 2));
}

static void write_number(int64_t number, char *ret_date)
{
    struct tm parts;
    time_t moment = (time_t)(number * 86400);

    gmtime_r(&moment, &parts);
    write_date(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, ret_date);
}

/* The last Sunday of a month of 31 days; 1970-01-01 was a Thursday. */
static int64_t last_sunday(int year, int month)
{
    int64_t last = day_number(year, month, 31);

    return last - (last + 4) % 7;
}

void iqm_calendar_day(time_t moment, char ret_date[static IQM_DATE_TEXT])
{
    struct tm parts;

    gmtime_r(&moment, &parts);
    int64_t starts = last_sunday(parts.tm_year + 1900, 3) * 86400 + 3600;
    int64_t ends = last_sunday(parts.tm_year + 1900, 10) * 86400 + 3600;
    int64_t ahead = moment >= starts && moment < ends ? 3600 : 0;
    write_number((moment + ahead) / 86400, ret_date);
}

void iqm_calendar_add(const char *date, int years, int days, char ret_date[static IQM_DATE_TEXT])
{
    int year = number_at(date, 0, 4) + years, month = number_at(date, 5, 2);
    int day = number_at(date, 8, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month == 2 && day == 29 && !leap)
        day = 28;
    write_number(day_number(year, month, day) + days, ret_date);
}

static int days_of_month(int year, int month)
{
    return (int)(day_number(month < 12 ? year : year + 1, month % 12 + 1, 1) -
                 day_number(year, month, 1));
}

void iqm_calendar_add_months(const char *date, int months, char ret_date[static IQM_DATE_TEXT])
{
    int count = number_at(date, 0, 4) * 12 + number_at(date, 5, 2) - 1 + months;
    int year = count / 12, month = count % 12 + 1, day = number_at(date, 8, 2);
    int last = days_of_month(year, month);

    write_date(year, month, day < last ? day : last, ret_date);
}

int iqm_calendar_weekday(const char *date)
{
    return (int)((number_of(date) % 7 + 10) % 7) + 1;
}

bool iqm_calendar_is_weekend(const char *date)
{
    return iqm_calendar_weekday(date) >= 6;
}

/* Gregorian calendar; Meeus, Astronomical Algorithms, ch. 8. As easter_of in the database. */
void iqm_calendar_easter(const char *date, char ret_date[static IQM_DATE_TEXT])
{
    int year = number_at(date, 0, 4), golden = year % 19, century = year / 100, rest = year % 100;
    int correction = (century - (century + 8) / 25 + 1) / 3;
    int epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    int weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    int month = (golden + 11 * epact + 22 * weekday) / 451;
    int days = epact + weekday - 7 * month + 114;

    write_date(year, days / 31, days % 31 + 1, ret_date);
}

int iqm_calendar_days(const char *from, const char *to)
{
    return (int)(number_of(to) - number_of(from));
}
