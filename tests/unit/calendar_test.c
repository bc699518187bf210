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

START_TEST(easter_of_known_years)
{
    static const struct {
        int year;
        const char *date;
    } known[] = {{1818, "1818-03-22"}, {1943, "1943-04-25"}, {1961, "1961-04-02"},
        {2000, "2000-04-23"}, {2024, "2024-03-31"}, {2025, "2025-04-20"}, {2026, "2026-04-05"},
        {2027, "2027-03-28"}, {2038, "2038-04-25"}, {2285, "2285-03-22"}};
    char date[IQM_DATE_TEXT];

    for (size_t i = 0; i < IQM_LENGTH(known); i++) {
        iqm_calendar_easter(known[i].year, date);
        ck_assert_str_eq(date, known[i].date);
    }
}
END_TEST

START_TEST(fallback_terms_meet_at_easter)
{
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-09-01"), "autumn");
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-12-31"), "autumn");
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-01-01"), "spring");
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-04-05"), "spring");
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-04-06"), "summer");
    ck_assert_str_eq(iqm_calendar_fallback_term("2026-08-31"), "summer");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        academic_year_turns_on_1_september, easter_of_known_years, fallback_terms_meet_at_easter};

    return suite_run("calendar", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
