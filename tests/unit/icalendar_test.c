/* Lines of iCalendar: their ends, their folds, their escapes. */
#include "iqm/icalendar.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct iqm_buffer text;

static void set_up(void)
{
    text = (struct iqm_buffer){.bytes = NULL};
}

static void tear_down(void)
{
    iqm_buffer_free(&text);
}

static void is_whole(const char *wanted)
{
    ck_assert(!text.failed);
    ck_assert_uint_eq(text.length, strlen(wanted));
    ck_assert_mem_eq(text.bytes, wanted, text.length);
    iqm_buffer_empty(&text);
}

static void says(const char *value, const char *wanted)
{
    iqm_icalendar_text(&text, "SUMMARY", value);
    is_whole(wanted);
}

START_TEST(texts_are_escaped)
{
    says("", "SUMMARY:\r\n");
    says("a:b \"c\"", "SUMMARY:a:b \"c\"\r\n");
    says("a,b;c\\d", "SUMMARY:a\\,b\\;c\\\\d\r\n");
    says("one\ntwo\r\nthree\rfour\n", "SUMMARY:one\\ntwo\\nthree\\nfour\\n\r\n");
    says("a\tb\x01"
         "c\x7f"
         "d",
        "SUMMARY:a\tbcd\r\n");
    says("caf\xc3\xa9", "SUMMARY:caf\xc3\xa9\r\n");
}
END_TEST

/* Nothing that is written can end a line and begin another. */
START_TEST(values_stay_in_their_line)
{
    iqm_icalendar_text(&text, "LOCATION", "Hall\r\nEND:VEVENT\nBEGIN:VALARM\r");
    is_whole("LOCATION:Hall\\nEND:VEVENT\\nBEGIN:VALARM\\n\r\n");
}
END_TEST

START_TEST(lines_are_folded_at_their_bound)
{
    char value[200];

    memset(value, 'x', sizeof value);
    value[67] = '\0'; /* with "SUMMARY:" 75 bytes */
    iqm_icalendar_text(&text, "SUMMARY", value);
    ck_assert_uint_eq(text.length, 77);
    iqm_buffer_empty(&text);
    value[67] = 'x';
    value[68] = '\0';
    iqm_icalendar_text(&text, "SUMMARY", value);
    ck_assert_mem_eq(text.bytes + 75, "\r\n x\r\n", 6);
    ck_assert_uint_eq(text.length, 81);
    iqm_buffer_empty(&text);
    value[68] = 'x';
    value[67 + 74 + 1] = '\0';
    iqm_icalendar_line(&text, "SUMMARY", value);
    ck_assert_mem_eq(text.bytes + 75, "\r\n x", 4);
    ck_assert_mem_eq(text.bytes + 75 + 2 + 75, "\r\n x\r\n", 6);
}
END_TEST

/* Every piece is bounded and is whole characters; put together again they are the text. */
static void folds(const char *value)
{
    char joined[4000];
    size_t length = 0;

    iqm_icalendar_text(&text, "X", value);
    ck_assert(!text.failed);
    for (size_t i = 0, piece = 0; i < text.length; i++) {
        if (i + 1 < text.length && memcmp(text.bytes + i, "\r\n", 2) == 0) {
            i += 2;
            piece = 1;
            ck_assert(i == text.length || text.bytes[i] == ' ');
            ck_assert(i + 1 >= text.length || ((unsigned char)text.bytes[i + 1] & 0xc0) != 0x80);
            continue;
        }
        ck_assert_uint_le(++piece, 75);
        joined[length++] = text.bytes[i];
    }
    ck_assert_uint_eq(length, strlen(value) + 2);
    ck_assert_mem_eq(joined + 2, value, length - 2);
    iqm_buffer_empty(&text);
}

START_TEST(characters_are_not_folded_apart)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\x93"};

    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t shift = 0; shift < 80; shift++) {
            char value[1200];
            memset(value, 'x', shift);
            value[shift] = '\0';
            for (size_t i = 0; i < 200; i++)
                strcat(value, characters[kind]);
            folds(value);
        }
    }
}
END_TEST

START_TEST(escapes_are_not_folded_apart)
{
    for (size_t shift = 0; shift < 80; shift++) {
        char value[300];
        memset(value, 'x', shift);
        memset(value + shift, ',', 100);
        value[shift + 100] = '\0';
        iqm_icalendar_text(&text, "X", value);
        for (size_t i = 0; i + 2 < text.length; i++)
            ck_assert(text.bytes[i] != '\\' || text.bytes[i + 1] == ',');
        iqm_buffer_empty(&text);
    }
}
END_TEST

/* Not that any should come here: the bound holds all the same. */
START_TEST(what_is_no_utf8_is_folded_too)
{
    char value[400];

    memset(value, '\xe2', sizeof value);
    value[sizeof value - 1] = '\0';
    iqm_icalendar_text(&text, "X", value);
    ck_assert_mem_eq(text.bytes + 75, "\r\n ", 3);
}
END_TEST

START_TEST(an_event_at_a_time)
{
    iqm_icalendar_event(&text, &(struct iqm_icalendar_event){.uid = "u",
                                   .sequence = "3",
                                   .created = "20260101T000000Z",
                                   .changed = "20260102T000000Z",
                                   .day = "20260714",
                                   .next_day = "20260715",
                                   .time = "1430",
                                   .duration = "PT1H",
                                   .summary = "One, two",
                                   .location = "Hall",
                                   .url = "http://a/b,c"});
    is_whole("BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260102T000000Z\r\nCREATED:20260101T000000Z\r\n"
             "LAST-MODIFIED:20260102T000000Z\r\nSEQUENCE:3\r\nSTATUS:CONFIRMED\r\n"
             "DTSTART;TZID=Europe/London:20260714T143000\r\nDURATION:PT1H\r\nTRANSP:OPAQUE\r\n"
             "SUMMARY:One\\, two\r\nLOCATION:Hall\r\nURL:http://a/b,c\r\nEND:VEVENT\r\n");
}
END_TEST

START_TEST(an_event_from_one_time_to_another)
{
    iqm_icalendar_event(&text, &(struct iqm_icalendar_event){.uid = "u",
                                   .sequence = "1",
                                   .created = "20260101T000000Z",
                                   .changed = "20260102T000000Z",
                                   .day = "20260714",
                                   .next_day = "20260715",
                                   .time = "0900",
                                   .end = "1530",
                                   .duration = "PT1H",
                                   .summary = "Long"});
    is_whole("BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260102T000000Z\r\nCREATED:20260101T000000Z\r\n"
             "LAST-MODIFIED:20260102T000000Z\r\nSEQUENCE:1\r\nSTATUS:CONFIRMED\r\n"
             "DTSTART;TZID=Europe/London:20260714T090000\r\n"
             "DTEND;TZID=Europe/London:20260714T153000\r\nTRANSP:OPAQUE\r\nSUMMARY:Long\r\n"
             "END:VEVENT\r\n");
}
END_TEST

START_TEST(an_event_that_takes_the_day_and_is_off)
{
    iqm_icalendar_event(&text, &(struct iqm_icalendar_event){.uid = "u",
                                   .sequence = "4",
                                   .created = "20260101T000000Z",
                                   .changed = "20260102T000000Z",
                                   .day = "20261231",
                                   .next_day = "20270101",
                                   .summary = "Off",
                                   .cancelled = true});
    is_whole("BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260102T000000Z\r\nCREATED:20260101T000000Z\r\n"
             "LAST-MODIFIED:20260102T000000Z\r\nSEQUENCE:4\r\nSTATUS:CANCELLED\r\n"
             "DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\nTRANSP:TRANSPARENT\r\n"
             "SUMMARY:Off\r\nEND:VEVENT\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {texts_are_escaped, values_stay_in_their_line,
        lines_are_folded_at_their_bound, characters_are_not_folded_apart,
        escapes_are_not_folded_apart, what_is_no_utf8_is_folded_too, an_event_at_a_time,
        an_event_from_one_time_to_another, an_event_that_takes_the_day_and_is_off};

    return suite_run("icalendar", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
