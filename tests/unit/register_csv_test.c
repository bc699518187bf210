/* The register's CSV reader and the probe before it: each rule, accepting and refusing. */
#include "programme/register/csv.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rows as text: fields in <>, rows with their line in front. */
struct seen {
    char text[4096];
    size_t rows;
    int answer;
    bool last_ended;
};

static int see_row(void *user, const struct iqm_csv_row *row)
{
    struct seen *seen = user;
    char line[32];
    snprintf(line, sizeof(line), "%llu:", (unsigned long long)row->line);
    strcat(seen->text, line);
    for (size_t i = 0; i < row->count; i++) {
        strcat(seen->text, "<");
        strncat(seen->text, row->fields[i].ptr, row->fields[i].len);
        strcat(seen->text, ">");
    }
    strcat(seen->text, ";");
    seen->rows++;
    seen->last_ended = row->ended;
    return seen->answer;
}

static int read_pieces(enum iqm_encoding encoding, const char *text, size_t len, size_t piece,
    struct seen *seen, struct iqm_csv_fault *fault)
{
    struct iqm_csv *csv = iqm_csv_new(encoding, see_row, seen);
    int r = 0;
    for (size_t at = 0; at < len && r == 0; at += piece)
        r = iqm_csv_push(csv, text + at, len - at < piece ? len - at : piece);
    if (r == 0)
        r = iqm_csv_finish(csv);
    *fault = iqm_csv_fault(csv);
    iqm_csv_free(csv);
    return r;
}

static void expect_rows(enum iqm_encoding encoding, const char *text, const char *rows)
{
    for (size_t piece = 1; piece < 5; piece++) {
        struct seen seen = {0};
        struct iqm_csv_fault fault;
        ck_assert_int_eq(read_pieces(encoding, text, strlen(text), piece, &seen, &fault), 0);
        ck_assert_str_eq(seen.text, rows);
    }
}

static void expect_fault(const char *text, size_t len, uint64_t line, const char *word)
{
    struct seen seen = {0};
    struct iqm_csv_fault fault;
    ck_assert_int_eq(read_pieces(IQM_ENCODING_UTF8, text, len, 7, &seen, &fault), IQM_EINVAL);
    ck_assert_uint_eq(fault.line, line);
    ck_assert_msg(strstr(fault.reason, word) != NULL, "%s", fault.reason);
}

START_TEST(rows_and_line_ends)
{
    expect_rows(IQM_ENCODING_UTF8, "a,b\r\nc,d\r\n", "1:<a><b>;2:<c><d>;");
    expect_rows(IQM_ENCODING_UTF8, "a,b\nc,d\n", "1:<a><b>;2:<c><d>;");
    expect_rows(IQM_ENCODING_UTF8, "a,b\rc,d\r", "1:<a><b>;2:<c><d>;");
    expect_rows(IQM_ENCODING_UTF8, "a,b\r\nc,d", "1:<a><b>;2:<c><d>;");
    expect_rows(IQM_ENCODING_UTF8, ",\n,,\n", "1:<><>;2:<><><>;");
    expect_rows(IQM_ENCODING_UTF8, "a\r\n\r\n\r\nb\r\n", "1:<a>;4:<b>;");
    expect_rows(IQM_ENCODING_UTF8, "a\n\nb", "1:<a>;3:<b>;");
    expect_rows(IQM_ENCODING_UTF8, "a\r\rb", "1:<a>;3:<b>;");
    expect_rows(IQM_ENCODING_UTF8, "", "");
    expect_rows(IQM_ENCODING_UTF8, "\r\n", "");
}
END_TEST

START_TEST(quotes)
{
    expect_rows(IQM_ENCODING_UTF8, "\"a,b\",\"c\"\"d\"\r\n", "1:<a,b><c\"d>;");
    expect_rows(IQM_ENCODING_UTF8, "\"\",\"\"\n", "1:<><>;");
    expect_rows(IQM_ENCODING_UTF8, "\"\"\n", "1:<>;");
    expect_rows(IQM_ENCODING_UTF8, "\"a\r\nb\",c\r\nd\r\n", "1:<a\r\nb><c>;3:<d>;");
    expect_rows(IQM_ENCODING_UTF8, "\"a\rb\nc\",d\ne", "1:<a\rb\nc><d>;4:<e>;");
    expect_rows(IQM_ENCODING_UTF8, "\"a\r\"\nb", "1:<a\r>;3:<b>;");
}
END_TEST

START_TEST(faults)
{
    const char *open = "a,b\r\n1,\"x\r\ny";
    expect_fault(open, strlen(open), 2, "truncated");
    const char *after = "a,b\n1,\"x\"y\n";
    expect_fault(after, strlen(after), 2, "closing quote");
    const char *inside = "a,b\n1,x\"y\n";
    expect_fault(inside, strlen(inside), 2, "not quoted");
}
END_TEST

START_TEST(last_row_without_line_end)
{
    struct seen seen = {0};
    struct iqm_csv_fault fault;
    ck_assert_int_eq(read_pieces(IQM_ENCODING_UTF8, "a\nb", 3, 3, &seen, &fault), 0);
    ck_assert(!seen.last_ended);
    ck_assert_int_eq(read_pieces(IQM_ENCODING_UTF8, "a\nb\n", 4, 4, &seen, &fault), 0);
    ck_assert(seen.last_ended);
}
END_TEST

START_TEST(field_bound)
{
    char *text = malloc(IQM_CSV_FIELD_MAX + 2);
    memset(text, 'x', IQM_CSV_FIELD_MAX + 2);
    struct iqm_csv_fault fault;
    struct iqm_csv *csv = iqm_csv_new(IQM_ENCODING_UTF8, see_row, &(struct seen){0});
    ck_assert_int_eq(iqm_csv_push(csv, text, IQM_CSV_FIELD_MAX), 0);
    ck_assert_int_eq(iqm_csv_push(csv, text, 1), IQM_EINVAL);
    fault = iqm_csv_fault(csv);
    ck_assert(strstr(fault.reason, "64 KiB") != NULL);
    iqm_csv_free(csv);
    text[0] = '"';
    expect_fault(text, IQM_CSV_FIELD_MAX + 2, 1, "closing quote is probably missing");
    free(text);
}
END_TEST

START_TEST(row_bound)
{
    size_t len = IQM_CSV_ROW_MAX + 1024;
    char *text = malloc(len);
    memset(text, 'x', len);
    for (size_t i = 0; i < len; i += 50000)
        text[i] = ',';
    expect_fault(text, len, 1, "1 MiB");
    free(text);
}
END_TEST

START_TEST(column_bound)
{
    char text[IQM_CSV_COLUMNS_MAX + 1];
    memset(text, ',', sizeof(text));
    expect_fault(text, IQM_CSV_COLUMNS_MAX, 1, "1000 columns");
    text[IQM_CSV_COLUMNS_MAX - 1] = '\n';
    struct iqm_csv *csv = iqm_csv_new(IQM_ENCODING_UTF8, see_row, &(struct seen){0});
    ck_assert_int_eq(iqm_csv_push(csv, text, IQM_CSV_COLUMNS_MAX), 0);
    iqm_csv_free(csv);
}
END_TEST

START_TEST(callback_stops)
{
    struct seen seen = {.answer = 7};
    struct iqm_csv_fault fault;
    ck_assert_int_eq(read_pieces(IQM_ENCODING_UTF8, "a\nb\n", 4, 4, &seen, &fault), 7);
    ck_assert_uint_eq(seen.rows, 1);
    ck_assert_ptr_null(fault.reason);
}
END_TEST

START_TEST(windows_1252)
{
    expect_rows(IQM_ENCODING_WINDOWS_1252, "\xe0,\x92,\x80,\xff\n",
        "1:<\xc3\xa0><\xe2\x80\x99><\xe2\x82\xac><\xc3\xbf>;");
    expect_rows(IQM_ENCODING_UTF8, "\xc3\xa0\n", "1:<\xc3\xa0>;");
}
END_TEST

static int probe(const char *bytes, size_t len, size_t piece, enum iqm_encoding *ret_encoding,
    size_t *ret_skip, struct iqm_csv_fault *ret_fault)
{
    struct iqm_probe state;
    iqm_probe_init(&state);
    for (size_t at = 0; at < len; at += piece)
        iqm_probe_push(&state, bytes + at, len - at < piece ? len - at : piece);
    return iqm_probe_finish(&state, ret_encoding, ret_skip, ret_fault);
}

static const struct {
    const char *bytes;
    size_t len;
    enum iqm_encoding encoding;
    size_t skip;
} known[] = {
    {"URN\n1\n", 6, IQM_ENCODING_UTF8, 0},
    {"\xef\xbb\xbfURN\n", 7, IQM_ENCODING_UTF8, 3},
    {"\xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80", 10, IQM_ENCODING_UTF8, 0},
    {"Becket \xe0 X", 10, IQM_ENCODING_WINDOWS_1252, 0},
    {"St John\x92s", 9, IQM_ENCODING_WINDOWS_1252, 0},
    {"ends \xe9", 6, IQM_ENCODING_WINDOWS_1252, 0},
    {"\xc0\xaf", 2, IQM_ENCODING_WINDOWS_1252, 0},
    {"\xe0\x80\xaf", 3, IQM_ENCODING_WINDOWS_1252, 0},
    {"\xed\xa0\x80", 3, IQM_ENCODING_WINDOWS_1252, 0},
};

START_TEST(probe_knows)
{
    for (size_t piece = 1; piece < 6; piece++) {
        enum iqm_encoding encoding;
        size_t skip;
        struct iqm_csv_fault fault;
        ck_assert_int_eq(probe(known[_i].bytes, known[_i].len, piece, &encoding, &skip, &fault), 0);
        ck_assert_int_eq(encoding, known[_i].encoding);
        ck_assert_uint_eq(skip, known[_i].skip);
    }
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    uint64_t line;
    const char *word;
} refused[] = {
    {"", 0, 0, "empty"},
    {"\xff\xfeU\0R\0N\0", 8, 0, "UTF-16"},
    {"\xfe\xff\0U\0R\0N", 8, 0, "UTF-16"},
    {"U\0R\0N\0,\0", 8, 0, "UTF-16"},
    {"\0U\0R\0N\0,", 8, 0, "UTF-16"},
    {"PK\x03\x04zip", 7, 0, "ZIP"},
    {"\x1f\x8b\x08\x00", 4, 0, "gzip"},
    {"%PDF-1.7\n", 9, 0, "PDF"},
    {"URN,name\n1,a\0bcdef\n", 19, 2, "NUL"},
    {"a\r\nb\x01\r\n", 7, 2, "control"},
    {"a\rb\rc\x7f", 6, 3, "control"},
    {"a\n\x81\xe9\n", 5, 2, "neither"},
    {"a\n\x8d\n", 4, 2, "neither"},
    {"a\n\x8f\n", 4, 2, "neither"},
    {"a\n\x90\n", 4, 2, "neither"},
    {"a\n\x9d\n", 4, 2, "neither"},
    {"\xef\xbb\xbf"
     "a\n\xe9\n",
        7, 2, "damaged"},
    {"\xc3\xa9\xc3\xa9\n\n\xe9\n", 8, 3, "damaged"},
    {"\xc3\xa9\xc3\xa9\n\xc3", 6, 2, "damaged"},
};

START_TEST(probe_refuses)
{
    for (size_t piece = 1; piece < 6; piece++) {
        enum iqm_encoding encoding;
        size_t skip;
        struct iqm_csv_fault fault = {0};
        ck_assert_int_eq(
            probe(refused[_i].bytes, refused[_i].len, piece, &encoding, &skip, &fault), IQM_EINVAL);
        ck_assert_uint_eq(fault.line, refused[_i].line);
        ck_assert_msg(strstr(fault.reason, refused[_i].word) != NULL, "%s", fault.reason);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register_csv");
    TCase *tests = tcase_create("csv");
    tcase_add_test(tests, rows_and_line_ends);
    tcase_add_test(tests, quotes);
    tcase_add_test(tests, faults);
    tcase_add_test(tests, last_row_without_line_end);
    tcase_add_test(tests, field_bound);
    tcase_add_test(tests, row_bound);
    tcase_add_test(tests, column_bound);
    tcase_add_test(tests, callback_stops);
    tcase_add_test(tests, windows_1252);
    tcase_add_loop_test(tests, probe_knows, 0, (int)COUNT(known));
    tcase_add_loop_test(tests, probe_refuses, 0, (int)COUNT(refused));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
