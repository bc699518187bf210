/* The academic years that an award is judged by. */
#include "iqm/calendar.h"
#include "programme/ladder/ladder.h"

#include <stdio.h>
#include <string.h>

int ladder_year_of(const char *day)
{
    char year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(day, year);
    return iqm_calendar_first_year(year);
}

void ladder_year_text(int year, char ret_text[static 8])
{
    char september[24];

    snprintf(september, sizeof september, "%04d-09-01", year);
    iqm_calendar_academic_year(september, ret_text);
}

void ladder_counting_day(int year, char ret_day[static IQM_DATE_TEXT])
{
    char march[24];

    snprintf(march, sizeof march, "%04d-03-01", year + 1);
    memcpy(ret_day, march, IQM_DATE_TEXT - 1);
    ret_day[IQM_DATE_TEXT - 1] = '\0';
}

static bool was_under_contract(const json_t *award, int year)
{
    char march[IQM_DATE_TEXT];
    size_t i;
    const json_t *contract;

    ladder_counting_day(year, march);
    json_array_foreach(json_object_get(award, "contracts"), i, contract)
    {
        if (strcmp(march, iqm_rules_text(contract, "starts_on")) >= 0 &&
            strcmp(march, iqm_rules_text(contract, "ends_on")) <= 0)
            return true;
    }
    return false;
}

/* What was before a reinstatement is forgiven by it. */
static int first_year(const json_t *award, const char *on)
{
    int year = 0;
    size_t i;
    const json_t *step;

    json_array_foreach(json_object_get(award, "transitions"), i, step)
    {
        const char *day = iqm_rules_text(step, "happened_on");
        if (strcmp(iqm_rules_text(step, "transition"), "reinstate") == 0 && strcmp(day, on) <= 0)
            year = ladder_year_of(day);
    }
    return year;
}

unsigned ladder_years(const json_t *award, const char *on, int ret_years[static LADDER_YEARS_MAX])
{
    int earliest = first_year(award, on), newest = ladder_year_of(on) - 1;
    unsigned count = 0;

    for (int year = newest - LADDER_YEARS_MAX + 1; year <= newest; year++) {
        if (year >= earliest && was_under_contract(award, year))
            ret_years[count++] = year;
    }
    return count;
}
