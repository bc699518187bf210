/* A row of the register as a record: header, the rules of each column, what is wrong and where. */
#include "programme/register/columns.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A row of at most 40 fields, separated by '|'. */
struct row {
    char text[8192];
    struct iqm_slice fields[40];
    struct iqm_csv_row row;
};

static void make_row(struct row *row, uint64_t line, const char *text)
{
    snprintf(row->text, sizeof(row->text), "%s", text);
    size_t count = 0;
    for (char *at = row->text;; at++) {
        size_t len = strcspn(at, "|");
        row->fields[count++] = (struct iqm_slice){at, len};
        at += len;
        if (*at == '\0')
            break;
    }
    row->row = (struct iqm_csv_row){line, row->fields, count, true};
}

struct fixture {
    struct iqm_register_report report;
    struct iqm_register_columns columns;
    json_t *record;
    int result;
};

static struct fixture f;

static int read_header(const char *text)
{
    struct row row;
    make_row(&row, 1, text);
    return iqm_register_header(&row.row, &f.report, &f.columns);
}

static void tear_down(void)
{
    json_decref(f.record);
    iqm_register_report_free(&f.report);
    memset(&f, 0, sizeof(f));
}

/* One column beside the three required ones. */
static void read_value(const char *column, const char *value)
{
    char text[8192];
    tear_down();
    snprintf(text, sizeof(text), "URN|EstablishmentName|EstablishmentStatus (name)|%s", column);
    ck_assert_int_eq(read_header(text), 0);
    iqm_register_report_free(&f.report);
    snprintf(text, sizeof(text), "100000|A School|Open|%s", value);
    struct row row;
    make_row(&row, 7, text);
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
}

static const char *text_of(const char *member)
{
    const char *text = json_string_value(json_object_get(f.record, member));
    return text ? text : "(none)";
}

static void expect_error(const char *column, const char *word)
{
    ck_assert_int_eq(f.result, IQM_EINVAL);
    ck_assert_ptr_null(f.record);
    ck_assert_uint_ge(f.report.errors.count, 1);
    struct iqm_register_note *note = &f.report.errors.items[0];
    ck_assert_uint_eq(note->line, 7);
    ck_assert_pstr_eq(note->column, column);
    ck_assert_msg(strstr(note->detail, word) != NULL, "%s", note->detail);
}

START_TEST(header_by_name)
{
    ck_assert_int_eq(
        read_header("HeadLastName|establishmentstatus(NAME)| urn |Establishment Name|"), 0);
    ck_assert_uint_eq(f.columns.width, 5);
    ck_assert_uint_eq(f.columns.index[IQM_COLUMN_STATUS], 1);
    ck_assert_uint_eq(f.columns.index[IQM_COLUMN_URN], 2);
    ck_assert_uint_eq(f.columns.index[IQM_COLUMN_NAME], 3);
    ck_assert(!f.columns.present[IQM_COLUMN_POSTCODE]);
    ck_assert_uint_eq(f.report.warnings.total, IQM_COLUMN_COUNT - 3);
}
END_TEST

START_TEST(header_lacks)
{
    ck_assert_int_eq(read_header("name|email|Postcode"), IQM_EINVAL);
    ck_assert_uint_eq(f.report.errors.total, 1);
    ck_assert_uint_eq(f.report.errors.items[0].line, 1);
    ck_assert_ptr_nonnull(strstr(
        f.report.errors.items[0].detail, "URN, EstablishmentName, EstablishmentStatus (name)"));
}
END_TEST

START_TEST(header_twice)
{
    ck_assert_int_eq(
        read_header("URN|EstablishmentName|EstablishmentStatus (name)|urn||"), IQM_EINVAL);
    ck_assert_uint_eq(f.report.errors.total, 1);
    ck_assert_ptr_nonnull(strstr(f.report.errors.items[0].detail, "columns 1 and 4"));
}
END_TEST

START_TEST(whole_row)
{
    struct row row;
    ck_assert_int_eq(
        read_header("URN|LA (code)|LA (name)|EstablishmentNumber|EstablishmentName|"
                    "EstablishmentStatus (name)|OpenDate|CloseDate|PhaseOfEducation (name)|"
                    "StatutoryLowAge|StatutoryHighAge|HeadLastName|PropsName|Gender (name)"),
        0);
    make_row(&row, 2,
        "100000|201|City of London|2000| A  \n School |Open, but proposed to close|01-09-1990||"
        "Primary|3|11|Person|Owner|Mixed");
    ck_assert_int_eq(iqm_register_record(&f.columns, &row.row, &f.report, &f.record), 0);
    char *text = json_dumps(f.record, JSON_COMPACT);
    ck_assert_str_eq(text,
        "{\"urn\":\"100000\",\"laestab\":\"2012000\",\"name\":\"A School\","
        "\"status\":\"open_but_proposed_to_close\",\"phase\":\"Primary\",\"gender\":\"Mixed\","
        "\"local_authority_code\":\"201\",\"local_authority_name\":\"City of London\","
        "\"nation\":\"england\",\"low_age\":3,\"high_age\":11,\"open_date\":\"1990-09-01\"}");
    free(text);
}
END_TEST

/* Personal columns are not in the table, so no record can hold what stands in them. */
START_TEST(people_are_not_read)
{
    static const char *const people[] = {
        "HeadTitle (name)", "HeadFirstName", "HeadLastName", "HeadPreferredJobTitle", "PropsName"};
    for (size_t i = 0; i < COUNT(people); i++)
        for (size_t c = 0; c < IQM_COLUMN_COUNT; c++)
            ck_assert_str_ne(iqm_register_column_names[c], people[i]);
}
END_TEST

START_TEST(width)
{
    struct row row;
    ck_assert_int_eq(read_header("URN|EstablishmentName|EstablishmentStatus (name)"), 0);
    make_row(&row, 7, "100000|A School");
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
    expect_error(NULL, "damaged");
    iqm_register_report_free(&f.report);
    row.row.ended = false;
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
    expect_error(NULL, "truncated");
    iqm_register_report_free(&f.report);
    make_row(&row, 7, "100000|A School|Open|more");
    row.row.ended = false;
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
    expect_error(NULL, "damaged");
}
END_TEST

START_TEST(every_fault_of_a_row)
{
    struct row row;
    ck_assert_int_eq(read_header("URN|EstablishmentName|EstablishmentStatus (name)|OpenDate"), 0);
    make_row(&row, 7, "x|||31-02-2000");
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
    ck_assert_uint_eq(f.report.errors.total, 4);
}
END_TEST

static const struct {
    const char *column, *value, *member, *expected;
} accepted[] = {
    {"OpenDate", "01-09-1990", "open_date", "1990-09-01"},
    {"OpenDate", "1/9/1990", "open_date", "1990-09-01"},
    {"CloseDate", "29/02/2000", "close_date", "2000-02-29"},
    {"OpenDate", "", "open_date", "(none)"},
    {"LA (code)", "1", "local_authority_code", "001"},
    {"LA (code)", "201", "nation", "england"},
    {"LA (code)", "681", "nation", "wales"},
    {"LA (code)", "702", "nation", "other"},
    {"LA (code)", "000", "nation", "(none)"},
    {"Country (name)", "Scotland", "nation", "scotland"},
    {"Country (name)", "Spain", "nation", "other"},
    {"Country (name)", "United Kingdom", "nation", "(none)"},
    {"GOR (name)", "Wales (pseudo)", "nation", "wales"},
    {"GOR (name)", "London", "region", "London"},
    {"EstablishmentNumber", "12", "laestab", "(none)"},
    {"UKPRN", "10001234", "ukprn", "10001234"},
    {"ReligiousCharacter (name)", "None", "religious_character", "None"},
    {"ReligiousCharacter (name)", "Does not apply", "religious_character", "Does not apply"},
    {"County (name)", "Not recorded", "county", "(none)"},
    {"Postcode", "ec3a5de", "postcode", "EC3A 5DE"},
    {"Postcode", " W1  1aa ", "postcode", "W1 1AA"},
    {"Postcode", "sw1a1aa", "postcode", "SW1A 1AA"},
    {"Postcode", "M1 1AE", "postcode", "M1 1AE"},
    {"TelephoneNum", "2071234567", "telephone", "02071234567"},
    {"TelephoneNum", "169773254", "telephone", "0169773254"},
    {"TelephoneNum", "020 7123 4567", "telephone", "020 7123 4567"},
    {"TelephoneNum", "+44 20 71234567", "telephone", "+44 20 71234567"},
    {"SchoolWebsite", "www.school.sch.uk", "website", "http://www.school.sch.uk"},
    {"SchoolWebsite", "HTTPS://school.sch.uk/a?b=%20", "website", "https://school.sch.uk/a?b=%20"},
    {"Street", "\xc2\xa0St \xc2\xa0 James's\t Passage ", "street", "St James's Passage"},
};

START_TEST(accepts)
{
    read_value(accepted[_i].column, accepted[_i].value);
    ck_assert_int_eq(f.result, 0);
    ck_assert_uint_eq(f.report.warnings.total, 0);
    ck_assert_str_eq(text_of(accepted[_i].member), accepted[_i].expected);
}
END_TEST

/* Kept as written, or left out: with a warning, and the row is good. */
static const struct {
    const char *column, *value, *member, *expected;
} warned[] = {
    {"Postcode", "SW1", "postcode", "SW1"},
    {"Postcode", "ABCD 1EF", "postcode", "ABCD 1EF"},
    {"Postcode", "EC3A 55E", "postcode", "EC3A 55E"},
    {"UKPRN", "1234567", "ukprn", "(none)"},
    {"UKPRN", "20001234", "ukprn", "(none)"},
    {"TelephoneNum", "ask at the office", "telephone", "(none)"},
    {"SchoolWebsite", "none", "website", "(none)"},
    {"SchoolWebsite", "http://none/a.html", "website", "(none)"},
    {"SchoolWebsite", "office@school.sch.uk", "website", "(none)"},
    {"SchoolWebsite", "http://user@school.sch.uk", "website", "(none)"},
    {"SchoolWebsite", "http:/school.sch.uk", "website", "(none)"},
    {"SchoolWebsite", "ftp://school.sch.uk", "website", "(none)"},
    {"SchoolWebsite", "school.sch.uk/a b", "website", "(none)"},
    {"SchoolWebsite", "school.sch.uk/%zz", "website", "(none)"},
    {"SchoolWebsite", "http://school..uk", "website", "(none)"},
};

START_TEST(warns)
{
    read_value(warned[_i].column, warned[_i].value);
    ck_assert_int_eq(f.result, 0);
    ck_assert_uint_eq(f.report.warnings.total, 1);
    ck_assert_uint_eq(f.report.warnings.items[0].line, 7);
    ck_assert_str_eq(f.report.warnings.items[0].column, warned[_i].column);
    ck_assert_str_eq(text_of(warned[_i].member), warned[_i].expected);
}
END_TEST

static const struct {
    const char *column, *value, *word;
} rejected[] = {
    {"OpenDate", "31-02-2000", "date"},
    {"OpenDate", "29-02-1900", "date"},
    {"OpenDate", "2000-01-31", "date"},
    {"OpenDate", "01-01/2000", "date"},
    {"OpenDate", "00-01-2000", "date"},
    {"OpenDate", "01-13-2000", "date"},
    {"OpenDate", "01-01-99", "date"},
    {"OpenDate", "01-01-2000 00:00", "date"},
    {"LA (code)", "2011", "three digits"},
    {"LA (code)", "abc", "three digits"},
    {"EstablishmentNumber", "12345", "four digits"},
    {"StatutoryLowAge", "100", "age"},
    {"StatutoryLowAge", "-1", "age"},
    {"StatutoryHighAge", "3.5", "age"},
};

START_TEST(rejects)
{
    read_value(rejected[_i].column, rejected[_i].value);
    expect_error(rejected[_i].column, rejected[_i].word);
}
END_TEST

START_TEST(limits)
{
    char text[402];
    memset(text, 'x', sizeof(text));
    text[200] = '\0';
    read_value("Street", text);
    ck_assert_int_eq(f.result, 0);
    text[200] = 'x';
    text[201] = '\0';
    read_value("Street", text);
    expect_error("Street", "at most 200");
    text[201] = 'x';
    text[21] = '\0';
    read_value("Postcode", text);
    expect_error("Postcode", "at most 20");
    /* Characters count, not bytes. */
    char wide[401];
    for (size_t i = 0; i < 400; i += 2)
        memcpy(wide + i, "\xc3\xa9", 2);
    wide[400] = '\0';
    read_value("Street", wide);
    ck_assert_int_eq(f.result, 0);
}
END_TEST

START_TEST(laestab_restores_zeros)
{
    struct row row;
    ck_assert_int_eq(read_header("URN|EstablishmentName|EstablishmentStatus (name)|LA (code)|"
                                 "EstablishmentNumber"),
        0);
    make_row(&row, 2, "100000|A School|Closed|1|23");
    ck_assert_int_eq(iqm_register_record(&f.columns, &row.row, &f.report, &f.record), 0);
    ck_assert_str_eq(text_of("laestab"), "0010023");
    ck_assert_str_eq(text_of("status"), "closed");
}
END_TEST

START_TEST(ages_and_dates_together)
{
    struct row row;
    ck_assert_int_eq(read_header("URN|EstablishmentName|EstablishmentStatus (name)|"
                                 "StatutoryLowAge|StatutoryHighAge|OpenDate|CloseDate"),
        0);
    iqm_register_report_free(&f.report);
    make_row(&row, 7, "100000|A School|Open|11|3||");
    f.result = iqm_register_record(&f.columns, &row.row, &f.report, &f.record);
    expect_error("StatutoryLowAge", "above");
    iqm_register_report_free(&f.report);
    make_row(&row, 7, "100000|A School|Open|3|3|02-01-2000|01-01-2000");
    ck_assert_int_eq(iqm_register_record(&f.columns, &row.row, &f.report, &f.record), 0);
    ck_assert_uint_eq(f.report.warnings.total, 1);
    ck_assert_str_eq(text_of("open_date"), "2000-01-02");
    ck_assert_str_eq(text_of("close_date"), "(none)");
}
END_TEST

static const struct {
    const char *urn;
    int result;
    unsigned warnings;
    const char *nation;
} urns[] = {
    {"100000", 0, 0, "(none)"},
    {"402345", 0, 0, "wales"},
    {"20001", 0, 0, "(none)"},
    {"900001", 0, 1, "(none)"},
    {"012345", IQM_EINVAL, 0, NULL},
    {"1000000", IQM_EINVAL, 0, NULL},
    {"1234", IQM_EINVAL, 0, NULL},
    {"10000O", IQM_EINVAL, 0, NULL},
    {"", IQM_EINVAL, 0, NULL},
};

START_TEST(urn)
{
    char text[100];
    struct row row;
    ck_assert_int_eq(read_header("URN|EstablishmentName|EstablishmentStatus (name)"), 0);
    iqm_register_report_free(&f.report);
    snprintf(text, sizeof(text), "%s|A School|Proposed to open", urns[_i].urn);
    make_row(&row, 7, text);
    ck_assert_int_eq(
        iqm_register_record(&f.columns, &row.row, &f.report, &f.record), urns[_i].result);
    ck_assert_uint_eq(f.report.warnings.total, urns[_i].warnings);
    if (urns[_i].nation)
        ck_assert_str_eq(text_of("nation"), urns[_i].nation);
}
END_TEST

START_TEST(notes_are_bounded)
{
    for (unsigned i = 0; i < IQM_REGISTER_NOTES_MAX + 10; i++)
        iqm_register_error(&f.report, i, NULL, "fault");
    ck_assert_uint_eq(f.report.errors.total, IQM_REGISTER_NOTES_MAX + 10);
    ck_assert_uint_eq(f.report.errors.count, IQM_REGISTER_NOTES_MAX);
    char text[400];
    for (size_t i = 0; i < 398; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[398] = '\0';
    iqm_register_warning(&f.report, 1, "URN", "%s", text);
    iqm_register_warning(&f.report, 1, "URN", "x%s", text);
    json_t *notes = iqm_register_notes_json(&f.report.warnings);
    ck_assert_uint_eq(json_array_size(notes), 2);
    json_decref(notes);
}
END_TEST

START_TEST(shown_values_stay_utf8)
{
    char text[300] = "x";
    for (size_t i = 1; i < 200; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    read_value("OpenDate", text);
    expect_error("OpenDate", "date");
    json_t *notes = iqm_register_notes_json(&f.report.errors);
    ck_assert_ptr_nonnull(notes);
    json_decref(notes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register_record");
    TCase *tests = tcase_create("record");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, header_by_name);
    tcase_add_test(tests, header_lacks);
    tcase_add_test(tests, header_twice);
    tcase_add_test(tests, whole_row);
    tcase_add_test(tests, people_are_not_read);
    tcase_add_test(tests, width);
    tcase_add_test(tests, every_fault_of_a_row);
    tcase_add_loop_test(tests, accepts, 0, (int)COUNT(accepted));
    tcase_add_loop_test(tests, warns, 0, (int)COUNT(warned));
    tcase_add_loop_test(tests, rejects, 0, (int)COUNT(rejected));
    tcase_add_test(tests, limits);
    tcase_add_test(tests, laestab_restores_zeros);
    tcase_add_test(tests, ages_and_dates_together);
    tcase_add_loop_test(tests, urn, 0, (int)COUNT(urns));
    tcase_add_test(tests, notes_are_bounded);
    tcase_add_test(tests, shown_values_stay_utf8);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
