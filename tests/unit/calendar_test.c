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

int main(void)
{
    const TTest *const tests[] = {academic_year_turns_on_1_september,
        an_academic_year_is_a_year_and_the_next, an_academic_year_begins_in_its_first_year};

    return suite_run("calendar", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
