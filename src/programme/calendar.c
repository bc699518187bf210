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
