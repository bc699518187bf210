/* Bank holidays of England and Wales, against the lists that the government published. */
#include "iqm/working_days.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_YEAR 1995
#define LAST_YEAR 2040

/* gov.uk/bank-holidays, and what was published of earlier years: England and Wales. */
static const char *const published[] = {
    "2018-01-01 2018-03-30 2018-04-02 2018-05-07 2018-05-28 2018-08-27 2018-12-25 2018-12-26",
    "2019-01-01 2019-04-19 2019-04-22 2019-05-06 2019-05-27 2019-08-26 2019-12-25 2019-12-26",
    "2020-01-01 2020-04-10 2020-04-13 2020-05-08 2020-05-25 2020-08-31 2020-12-25 2020-12-28",
    "2021-01-01 2021-04-02 2021-04-05 2021-05-03 2021-05-31 2021-08-30 2021-12-27 2021-12-28",
    "2022-01-03 2022-04-15 2022-04-18 2022-05-02 2022-06-02 2022-06-03 2022-08-29 2022-09-19 "
    "2022-12-26 2022-12-27",
    "2023-01-02 2023-04-07 2023-04-10 2023-05-01 2023-05-08 2023-05-29 2023-08-28 2023-12-25 "
    "2023-12-26",
    "2024-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27 2024-08-26 2024-12-25 2024-12-26",
    "2025-01-01 2025-04-18 2025-04-21 2025-05-05 2025-05-26 2025-08-25 2025-12-25 2025-12-26",
    "2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28",
    "2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-27 2027-12-28",
    "2028-01-03 2028-04-14 2028-04-17 2028-05-01 2028-05-29 2028-08-28 2028-12-25 2028-12-26",
};

/* Every bank holiday of a year, parted by spaces, but for those on a weekend, which have a
 * substitute. */
static void holidays_of(int year, const struct iqm_bank_holidays *more, char *ret_text)
{
    char day[IQM_DATE_TEXT];

    *ret_text = '\0';
    snprintf(day, sizeof day, "%04d-01-01", year);
    for (; (day[2] - '0') * 10 + day[3] - '0' == year % 100; iqm_calendar_add(day, 0, 1, day)) {
        if (!iqm_is_bank_holiday(day, more))
            continue;
        if (*ret_text != '\0')
            strcat(ret_text, " ");
        strcat(ret_text, day);
    }
}

START_TEST(each_published_year_is_computed)
{
    char found[300];

    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        holidays_of(atoi(published[i]), NULL, found);
        ck_assert_str_eq(found, published[i]);
    }
}
END_TEST

START_TEST(years_have_eight_but_for_proclamations)
{
    for (int year = FIRST_YEAR; year <= LAST_YEAR; year++) {
        bool has_one_more =
            year == 1999 || year == 2002 || year == 2011 || year == 2012 || year == 2023;
        size_t wanted = year == 2022 ? 10 : has_one_more ? 9 : 8;
        char found[300];
        holidays_of(year, NULL, found);
        ck_assert_uint_eq((strlen(found) + 1) / IQM_DATE_TEXT, wanted);
    }
}
END_TEST

/* Against the C library, which knows other ways. */
START_TEST(weekdays_are_those_of_the_calendar)
{
    char day[IQM_DATE_TEXT] = "1899-12-31";

    for (time_t moment = -2208988800 - 86400; strcmp(day, "2100-03-02") < 0; moment += 86400) {
        struct tm parts;
        gmtime_r(&moment, &parts);
        ck_assert_int_eq(iqm_calendar_weekday(day), parts.tm_wday == 0 ? 7 : parts.tm_wday);
        iqm_calendar_add(day, 0, 1, day);
    }
}
END_TEST

static void assert_easter(const char *year, const char *wanted)
{
    char day[IQM_DATE_TEXT];

    iqm_calendar_easter(year, day);
    ck_assert_str_eq(day, wanted);
}

START_TEST(easter_is_early_and_late)
{
    assert_easter("1818-07-01", "1818-03-22"); /* the earliest there is */
    assert_easter("1943-01-01", "1943-04-25"); /* the latest there is */
    assert_easter("2008-12-31", "2008-03-23");
    assert_easter("2011-01-01", "2011-04-24");
    assert_easter("2038-01-01", "2038-04-25");
    assert_easter("1981-01-01", "1981-04-19");
    assert_easter("1954-01-01", "1954-04-18");
    assert_easter("2049-01-01", "2049-04-18");
    ck_assert(iqm_is_bank_holiday("2038-04-23", NULL));
    ck_assert(iqm_is_bank_holiday("2038-04-26", NULL));
    ck_assert(iqm_is_bank_holiday("2008-03-21", NULL));
    ck_assert(iqm_is_bank_holiday("2008-03-24", NULL));
}
END_TEST

START_TEST(easter_is_a_sunday_of_spring)
{
    char year[IQM_DATE_TEXT], day[IQM_DATE_TEXT];

    for (int i = 1700; i < 2400; i++) {
        snprintf(year, sizeof year, "%04d-06-01", i);
        iqm_calendar_easter(year, day);
        ck_assert_int_eq(iqm_calendar_weekday(day), 7);
        ck_assert_str_ge(day + 5, "03-22");
        ck_assert_str_le(day + 5, "04-25");
    }
}
END_TEST

static void assert_next(const char *day, const struct iqm_bank_holidays *more, const char *wanted)
{
    char found[IQM_DATE_TEXT];

    iqm_next_working_day(day, more, found);
    ck_assert_str_eq(found, wanted);
}

START_TEST(the_next_working_day)
{
    assert_next("2026-11-25", NULL, "2026-11-25"); /* a Wednesday */
    assert_next("2026-11-28", NULL, "2026-11-30"); /* a Saturday */
    assert_next("2026-11-29", NULL, "2026-11-30");
    assert_next("2026-04-03", NULL, "2026-04-07"); /* Good Friday to after Easter Monday */
    assert_next("2025-12-25", NULL, "2025-12-29"); /* Thursday; Boxing Day, weekend */
    assert_next("2026-12-25", NULL, "2026-12-29"); /* Friday; weekend, substitute day */
    assert_next("2021-12-25", NULL, "2021-12-29"); /* Saturday; two substitute days */
    assert_next("2022-12-31", NULL, "2023-01-03"); /* over the end of the year */
    assert_next("2020-05-04", NULL, "2020-05-04"); /* moved away from here */
    assert_next("2020-05-08", NULL, "2020-05-11");
    assert_next("2022-05-30", NULL, "2022-05-30");
    assert_next("2022-06-02", NULL, "2022-06-06");
}
END_TEST

START_TEST(exceptions_win)
{
    static const struct iqm_bank_holiday days[] = {{"2026-11-25", false}, {"2026-11-26", false},
        {"2026-12-28", true}, {"2020-05-08", true}, {"2020-05-04", false}};
    const struct iqm_bank_holidays more = {days, sizeof days / sizeof days[0]};
    char found[300];

    assert_next("2026-11-25", &more, "2026-11-27");
    assert_next("2026-12-26", &more, "2026-12-28");
    ck_assert(!iqm_is_bank_holiday("2020-05-08", &more));
    ck_assert(iqm_is_bank_holiday("2020-05-04", &more));
    holidays_of(2026, &more, found);
    ck_assert_str_eq(found, "2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 "
                            "2026-11-25 2026-11-26 2026-12-25");
}
END_TEST

/* Every day of 40 years. */
START_TEST(the_next_working_day_is_the_nearest)
{
    char day[IQM_DATE_TEXT] = "2001-01-01", next[IQM_DATE_TEXT], other[IQM_DATE_TEXT];

    for (; strcmp(day, "2041-01-01") < 0; iqm_calendar_add(day, 0, 1, day)) {
        iqm_next_working_day(day, NULL, next);
        ck_assert(iqm_is_working_day(next, NULL));
        ck_assert_int_le(iqm_calendar_days(day, next), 4);
        memcpy(other, day, sizeof other);
        for (; strcmp(other, next) < 0; iqm_calendar_add(other, 0, 1, other))
            ck_assert(!iqm_is_working_day(other, NULL));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_published_year_is_computed,
        years_have_eight_but_for_proclamations, weekdays_are_those_of_the_calendar,
        easter_is_early_and_late, easter_is_a_sunday_of_spring, the_next_working_day,
        exceptions_win, the_next_working_day_is_the_nearest};

    return suite_run("working_days", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
