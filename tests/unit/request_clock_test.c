/* When a request is due: the ICO's examples, the ends of months and years, and pauses over them. */
#include "iqm/request_clock.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static void assert_due(const char *received, int paused, bool extended, const char *wanted)
{
    const struct iqm_request_clock clock = {received, paused, extended};
    char found[IQM_DATE_TEXT];

    iqm_request_due(&clock, NULL, found);
    ck_assert_str_eq(found, wanted);
}

static void assert_months(const char *day, int months, const char *wanted)
{
    char found[IQM_DATE_TEXT];

    iqm_calendar_add_months(day, months, found);
    ck_assert_str_eq(found, wanted);
}

START_TEST(months_keep_the_date_or_end)
{
    assert_months("2026-01-15", 1, "2026-02-15");
    assert_months("2026-01-31", 1, "2026-02-28");
    assert_months("2024-01-31", 1, "2024-02-29");
    assert_months("2024-01-30", 1, "2024-02-29");
    assert_months("2024-02-29", 1, "2024-03-29"); /* not the end of March */
    assert_months("2026-02-28", 1, "2026-03-28");
    assert_months("2000-01-31", 1, "2000-02-29");
    assert_months("2100-01-31", 1, "2100-02-28");
    assert_months("2026-03-31", 1, "2026-04-30");
    assert_months("2026-05-31", 1, "2026-06-30");
    assert_months("2026-08-31", 1, "2026-09-30");
    assert_months("2026-10-31", 1, "2026-11-30");
    assert_months("2026-11-30", 1, "2026-12-30");
    assert_months("2026-12-31", 1, "2027-01-31");
    assert_months("2026-12-01", 1, "2027-01-01");
    assert_months("2025-11-30", 3, "2026-02-28");
    assert_months("2027-11-30", 3, "2028-02-29");
    assert_months("2026-10-31", 3, "2027-01-31");
    assert_months("2026-12-31", 2, "2027-02-28");
    assert_months("2026-11-25", 0, "2026-11-25");
    assert_months("2026-01-31", 13, "2027-02-28");
}
END_TEST

/* As the ICO gives them. */
START_TEST(published_examples)
{
    assert_due("2024-09-03", 0, false, "2024-10-03");
    assert_due("2024-01-01", 0, false, "2024-02-01"); /* received on a bank holiday */
    assert_due("2024-11-25", 0, false, "2024-12-27"); /* Christmas and Boxing Day */
    assert_due("2023-01-31", 0, false, "2023-02-28");
    assert_due("2024-01-31", 0, false, "2024-02-29");
    assert_due("2026-01-31", 0, false, "2026-03-02"); /* 28 February is a Saturday */
}
END_TEST

START_TEST(one_month)
{
    assert_due("2026-11-25", 0, false, "2026-12-29"); /* Christmas, weekend, substitute day */
    assert_due("2026-10-28", 0, false, "2026-11-30"); /* to a Saturday */
    assert_due("2026-10-29", 0, false, "2026-11-30"); /* to a Sunday */
    assert_due("2026-12-01", 0, false, "2027-01-04"); /* New Year's Day is a Friday */
    assert_due("2021-12-01", 0, false, "2022-01-04"); /* it is a Saturday: Monday instead */
    assert_due("2022-12-01", 0, false, "2023-01-03"); /* it is a Sunday */
    assert_due("2026-03-03", 0, false, "2026-04-07"); /* to Good Friday */
    assert_due("2026-03-06", 0, false, "2026-04-07"); /* to Easter Monday */
    assert_due("2008-02-21", 0, false, "2008-03-25"); /* Easter is early */
    assert_due("2038-03-23", 0, false, "2038-04-27"); /* Easter is late */
    assert_due("2022-08-19", 0, false, "2022-09-20"); /* the State Funeral */
    assert_due("2020-04-08", 0, false, "2020-05-11"); /* VE day, moved to a Friday */
    assert_due("2020-04-04", 0, false, "2020-05-04"); /* and away from here */
    assert_due("2023-04-08", 0, false, "2023-05-09"); /* the Coronation */
    assert_due("2022-05-02", 0, false, "2022-06-06"); /* four days of jubilee */
    assert_due("2028-01-29", 0, false, "2028-02-29");
    assert_due("2028-01-31", 0, false, "2028-02-29");
    assert_due("2027-01-29", 0, false, "2027-03-01"); /* 28 February is a Sunday */
}
END_TEST

START_TEST(three_months_from_the_start)
{
    assert_due("2026-11-25", 0, true, "2027-02-25");
    assert_due("2025-11-30", 0, true, "2026-03-02"); /* 28 February is a Saturday */
    assert_due("2027-11-30", 0, true, "2028-02-29");
    assert_due("2026-09-25", 0, true, "2026-12-29"); /* not three months after the moved day */
    assert_due("2026-10-01", 0, true, "2027-01-04");
    assert_due("2026-03-31", 0, true, "2026-06-30");
}
END_TEST

START_TEST(pauses_are_added_before_the_working_day_is_looked_for)
{
    assert_due("2026-06-01", 0, false, "2026-07-01");
    assert_due("2026-06-01", 1, false, "2026-07-02");
    assert_due("2026-06-01", 3, false, "2026-07-06"); /* to Saturday 4 July */
    assert_due("2026-06-01", 5, false, "2026-07-06");
    assert_due("2026-01-31", 0, false, "2026-03-02");
    assert_due("2026-01-31", 1, false, "2026-03-02"); /* 28 February and a day: Sunday */
    assert_due("2026-01-31", 2, false, "2026-03-02");
    assert_due("2026-01-31", 3, false, "2026-03-03");
    assert_due("2026-01-31", 31, false, "2026-03-31");
    assert_due("2024-01-31", 1, false, "2024-03-01"); /* 29 February and a day */
    assert_due("2026-11-25", 7, false, "2027-01-04"); /* over the year's end to 1 January */
    assert_due("2026-11-30", 400, false, "2028-02-03");
    assert_due("2026-11-25", 4, true, "2027-03-01"); /* 25 February and four days, over its end */
}
END_TEST

START_TEST(exceptions_count)
{
    static const struct iqm_bank_holiday days[] = {{"2026-07-01", false}, {"2026-12-28", true}};
    const struct iqm_bank_holidays more = {days, 2};
    struct iqm_request_clock clock = {"2026-06-01", 0, false};
    char found[IQM_DATE_TEXT];

    iqm_request_due(&clock, &more, found);
    ck_assert_str_eq(found, "2026-07-02");
    clock.received_on = "2026-11-25";
    iqm_request_due(&clock, &more, found);
    ck_assert_str_eq(found, "2026-12-28");
}
END_TEST

static void assert_acknowledge(const char *received, const char *wanted)
{
    char found[IQM_DATE_TEXT];

    iqm_complaint_acknowledge_by(received, NULL, found);
    ck_assert_str_eq(found, wanted);
}

START_TEST(complaints_are_acknowledged_within_30_days)
{
    assert_acknowledge("2026-06-01", "2026-07-01"); /* day one is 2 June */
    assert_acknowledge("2026-06-04", "2026-07-06"); /* to a Saturday */
    assert_acknowledge("2026-01-31", "2026-03-02");
    assert_acknowledge("2024-01-31", "2024-03-01");
    assert_acknowledge("2026-11-25", "2026-12-29");
    assert_acknowledge("2026-12-02", "2027-01-04");
    assert_acknowledge("2026-03-04", "2026-04-07");
}
END_TEST

/* The days of a month by heart. */
static int last_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* The date so many months after another, put together from its parts. */
static void later(const char *from, int months, char *ret_day)
{
    char text[40];
    int year, month, day;

    ck_assert_int_eq(sscanf(from, "%d-%d-%d", &year, &month, &day), 3);
    month += months;
    year += (month - 1) / 12;
    month = (month - 1) % 12 + 1;
    if (day > last_of(year, month))
        day = last_of(year, month);
    snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    memcpy(ret_day, text, IQM_DATE_TEXT);
}

static void check_day(const char *received, int paused, bool extended)
{
    const struct iqm_request_clock clock = {received, paused, extended};
    char due[IQM_DATE_TEXT], wanted[IQM_DATE_TEXT];

    iqm_request_due(&clock, NULL, due);
    later(received, extended ? 3 : 1, wanted);
    for (int i = 0; i < paused; i++)
        iqm_calendar_add(wanted, 0, 1, wanted);
    while (!iqm_is_working_day(wanted, NULL))
        iqm_calendar_add(wanted, 0, 1, wanted);
    ck_assert_str_eq(due, wanted);
}

/* Every day of 40 years: what is due is right, and never earlier than for the day before; a pause
 * never makes it earlier; a month has 28 days at least, and no more than 31 and a long weekend. */
START_TEST(forty_years)
{
    char day[IQM_DATE_TEXT] = "2001-01-01", due[IQM_DATE_TEXT], last[IQM_DATE_TEXT] = "2001-01-01";
    unsigned random = 1;

    for (; strcmp(day, "2041-01-01") < 0; iqm_calendar_add(day, 0, 1, day)) {
        const struct iqm_request_clock clock = {day, 0, false};
        random = random * 1103515245 + 12345;
        int paused = (int)(random >> 16) % 120;
        check_day(day, 0, false);
        check_day(day, 0, true);
        check_day(day, paused, false);
        check_day(day, paused, true);
        iqm_request_due(&clock, NULL, due);
        ck_assert_str_ge(due, last);
        ck_assert_int_ge(iqm_calendar_days(day, due), 28);
        ck_assert_int_le(iqm_calendar_days(day, due), 35);
        memcpy(last, due, sizeof last);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {months_keep_the_date_or_end, published_examples, one_month,
        three_months_from_the_start, pauses_are_added_before_the_working_day_is_looked_for,
        exceptions_count, complaints_are_acknowledged_within_30_days, forty_years};

    return suite_run("request_clock", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
