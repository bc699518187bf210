/* The school year's arithmetic. */
#include "iqm/calendar.h"
#include "suite.h"

#include <stdlib.h>

static void assert_year(const char *date, const char *wanted)
{
    char year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(date, year);
    ck_assert_str_eq(year, wanted);
}

START_TEST(academic_year_turns_on_1_september)
{
    assert_year("2026-09-01", "2026/27");
    assert_year("2027-08-31", "2026/27");
    assert_year("2026-08-31", "2025/26");
    assert_year("2026-01-01", "2025/26");
    assert_year("1999-10-01", "1999/00");
}
END_TEST

START_TEST(an_academic_year_is_a_year_and_the_next)
{
    ck_assert(iqm_calendar_is_academic_year("2026/27"));
    ck_assert(iqm_calendar_is_academic_year("2099/00"));
    ck_assert(!iqm_calendar_is_academic_year("9999/00"));
    ck_assert(!iqm_calendar_is_academic_year("2026/26"));
    ck_assert(!iqm_calendar_is_academic_year("2026/28"));
    ck_assert(!iqm_calendar_is_academic_year("0000/01"));
}
END_TEST

START_TEST(an_academic_year_begins_in_its_first_year)
{
    ck_assert_int_eq(iqm_calendar_first_year("2026/27"), 2026);
    ck_assert_int_eq(iqm_calendar_first_year("2099/00"), 2099);
}
END_TEST

static void assert_day(time_t moment, const char *wanted)
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_day(moment, day);
    ck_assert_str_eq(day, wanted);
}

/* 2026: summer time from 29 March, 01:00 UTC, to 25 October, 01:00 UTC. */
START_TEST(a_day_is_one_where_the_schools_are)
{
    assert_day(1767225599, "2025-12-31");                 /* 23:59:59 UTC */
    assert_day(1767225600, "2026-01-01");                 /* 2026-01-01T00:00:00Z */
    assert_day(1774745999, "2026-03-29");                 /* 00:59:59 UTC */
    assert_day(1774745999 + 22 * 3600 + 1, "2026-03-30"); /* 23:00 UTC */
    assert_day(
        1792886399 + 1 - 7200 - 3600 * 24 + 3600, "2026-10-24"); /* 23:00 UTC the day before */
    assert_day(1792886400 + 22 * 3600, "2026-10-25");            /* 22:00 UTC */
    assert_day(1792886400 + 23 * 3600, "2026-10-25");            /* 23:00 UTC */
}
END_TEST

static void assert_added(const char *date, int years, int days, const char *wanted)
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_add(date, years, days, day);
    ck_assert_str_eq(day, wanted);
}

START_TEST(years_and_days_are_added)
{
    assert_added("2023-09-01", 3, -1, "2026-08-31");
    assert_added("2024-02-29", 1, 0, "2025-02-28");
    assert_added("2024-02-29", 4, 0, "2028-02-29");
    assert_added("1999-12-31", 0, 1, "2000-01-01");
    assert_added("2100-02-28", 0, 1, "2100-03-01");
    ck_assert_int_eq(iqm_calendar_days("2024-02-28", "2024-03-01"), 2);
    ck_assert_int_eq(iqm_calendar_days("2026-09-01", "2025-09-01"), -365);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {academic_year_turns_on_1_september,
        a_day_is_one_where_the_schools_are, years_and_days_are_added,
        an_academic_year_is_a_year_and_the_next, an_academic_year_begins_in_its_first_year};

    return suite_run("calendar", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
