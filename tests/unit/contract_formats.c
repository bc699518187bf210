/* The formats of strings, each with what must pass and what must not. */
#include "contract_support.h"

#include <string.h>

static void check_all(enum iqm_format format, const char *const *texts, bool wanted)
{
    for (; *texts != NULL; texts++)
        ck_assert_msg(iqm_format_matches(format, *texts, strlen(*texts)) == wanted, "%s", *texts);
}

#define GOOD(format, ...) check_all(format, (const char *const[]){__VA_ARGS__, NULL}, true)
#define BAD(format, ...) check_all(format, (const char *const[]){__VA_ARGS__, NULL}, false)

START_TEST(uuid)
{
    GOOD(IQM_FORMAT_UUID, "0190f6a4-7c3e-7b1a-8f00-0123456789ab",
        "00000000-0000-0000-0000-000000000000");
    BAD(IQM_FORMAT_UUID, "", "0190F6A4-7c3e-7b1a-8f00-0123456789ab",
        "0190f6a4-7c3e-7b1a-8f00-0123456789a", "0190f6a4-7c3e-7b1a-8f00-0123456789abc",
        "0190f6a47c3e7b1a8f000123456789ab", "0190f6a4-7c3e-7b1a-8f00-0123456789ag",
        "0190f6a4+7c3e-7b1a-8f00-0123456789ab");
}
END_TEST

START_TEST(date)
{
    GOOD(IQM_FORMAT_DATE, "2026-11-23", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31");
    BAD(IQM_FORMAT_DATE, "", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00",
        "2026-04-31", "0000-01-01", "26-01-01", "2026-1-01", "2026/01/01", "2026-01-01 ",
        "+026-01-01");
}
END_TEST

START_TEST(date_time)
{
    GOOD(IQM_FORMAT_DATE_TIME, "2026-11-23T18:30:00Z", "2026-11-23T00:00:00.1Z",
        "2026-11-23T23:59:59.123456Z");
    BAD(IQM_FORMAT_DATE_TIME, "", "2026-11-23", "2026-11-23T18:30Z", "2026-11-23T24:00:00Z",
        "2026-11-23T18:60:00Z", "2026-11-23T18:30:60Z", "2026-11-23T18:30:00",
        "2026-11-23T18:30:00+00:00", "2026-11-23t18:30:00z", "2026-11-23T18:30:00.Z",
        "2026-11-23T18:30:00.1234567Z", "2026-02-30T18:30:00Z", "2026-11-23 18:30:00Z");
}
END_TEST

START_TEST(email)
{
    GOOD(IQM_FORMAT_EMAIL, "a@b.cd", "first.last+tag@school.sch.uk", "o'neil@ex-ample.org",
        "x_y@1.example");
    BAD(IQM_FORMAT_EMAIL, "", "a", "@b.cd", "a@", "a@b", "a@@b.cd", ".a@b.cd", "a.@b.cd",
        "a..b@c.de", "a b@c.de", "a@-b.cd", "a@b-.cd", "a@b..cd", "a@b.cd.", "a@b.cd\n",
        "\"a\"@b.cd", "a@[1.2.3.4]", "\xC3\xA9@b.cd",
        "0123456789012345678901234567890123456789012345678901234567890123x@b.cd");
}
END_TEST

START_TEST(uri)
{
    GOOD(IQM_FORMAT_URI, "http://a", "https://example.org/", "HTTPS://Example.org:8443/a?b=c#d",
        "https://example.org/%C3%A9?q=1&r=%20", "http://127.0.0.1:80", "http://[::1]:8080/x",
        "https://example.org?x", "https://example.org#x");
    BAD(IQM_FORMAT_URI, "", "example.org", "//example.org", "ftp://example.org", "http://",
        "http:///x", "javascript:alert(1)", "https://user@example.org/", "https://a b/",
        "https://example.org/a b", "https://example.org/%zz", "https://example.org/%4",
        "https://example.org/#a#b", "https://example.org:0/", "https://example.org:65536/",
        "https://example.org:/", "https://[::1/", "https://[]/", "https://ex_ample.org/",
        "https://example.org/\xC3\xA9", "https://example.org/<x>", "https://example.org/\n");
}
END_TEST

START_TEST(length_is_obeyed)
{
    ck_assert(iqm_format_matches(IQM_FORMAT_DATE, "2026-11-23garbage", 10));
    ck_assert(!iqm_format_matches(IQM_FORMAT_DATE, "2026-11-23", 9));
    ck_assert(!iqm_format_matches(IQM_FORMAT_URI, "https://a\0b", 11));
    ck_assert(iqm_format_matches(IQM_FORMAT_NONE, "", 0));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("formats");
    tcase_add_test(tests, uuid);
    tcase_add_test(tests, date);
    tcase_add_test(tests, date_time);
    tcase_add_test(tests, email);
    tcase_add_test(tests, uri);
    tcase_add_test(tests, length_is_obeyed);
    return run_case(tests, "contract_formats");
}
