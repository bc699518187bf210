/* Records of CSV, and archives. */
#include "iqm/archive.h"
#include "iqm/csv.h"
#include "suite.h"

#include <archive.h>
#include <archive_entry.h>
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

static void says(const char *const *fields, size_t count, const char *wanted)
{
    iqm_buffer_empty(&text);
    iqm_csv_record(&text, fields, count);
    ck_assert(!text.failed);
    ck_assert_uint_eq(text.length, strlen(wanted));
    ck_assert_mem_eq(text.bytes, wanted, text.length);
}

START_TEST(fields_are_quoted_where_they_must_be)
{
    says((const char *[]){"a", "", "b c"}, 3, "a,,b c\r\n");
    says((const char *[]){"a,b", "say \"yes\"", "\""}, 3,
        "\"a,b\",\"say \"\"yes\"\"\",\"\"\"\"\r\n");
    says((const char *[]){"a\nb", "a\rb"}, 2, "\"a\nb\",\"a\rb\"\r\n");
}
END_TEST

START_TEST(formulas_are_none)
{
    says((const char *[]){"=1+1", "+44", "-1", "@a"}, 4, "'=1+1,'+44,'-1,'@a\r\n");
    says((const char *[]){"\t=1", "\r=1", "a=1", "'="}, 4, "'\t=1,\"'\r=1\",a=1,'=\r\n");
    says((const char *[]){"=\"a\",b"}, 1, "\"'=\"\"a\"\",b\"\r\n");
    says((const char *[]){"\uff1d1", "\uff0b", "\uff0d1", "\uff20a", "\uff1a"}, 5,
        "'\uff1d1,'\uff0b,'\uff0d1,'\uff20a,\uff1a\r\n");
}
END_TEST

START_TEST(text_grows)
{
    static char field[20000];

    memset(field, 'x', sizeof field - 1);
    iqm_csv_record(&text, (const char *[]){field, field}, 2);
    ck_assert(!text.failed);
    ck_assert_uint_eq(text.length, 2 * (sizeof field - 1) + 3);
}
END_TEST

START_TEST(values_of_json)
{
    struct iqm_csv csv = {.out = &text};
    json_t *list = json_pack("[s, i, n, b, [i], s]", "=a", -1, 1, 2, "b");

    for (size_t i = 0; i < json_array_size(list); i++)
        iqm_csv_value(&csv, json_array_get(list, i));
    iqm_csv_value(&csv, NULL);
    iqm_csv_end(&csv);
    json_decref(list);
    ck_assert_uint_eq(text.length, strlen("'=a,-1,,true,[2],b,\r\n"));
    ck_assert_mem_eq(text.bytes, "'=a,-1,,true,[2],b,\r\n", text.length);
}
END_TEST

/* What another reader of the library finds in it. */
static void holds(const char *name, const char *wanted, size_t length)
{
    struct archive *zip = archive_read_new();
    struct archive_entry *entry;
    char *found = malloc(length + 1);

    archive_read_support_format_zip(zip);
    ck_assert_int_eq(archive_read_open_memory(zip, text.bytes, text.length), ARCHIVE_OK);
    do
        ck_assert_int_eq(archive_read_next_header(zip, &entry), ARCHIVE_OK);
    while (strcmp(archive_entry_pathname(entry), name) != 0);
    ck_assert_int_eq(archive_read_data(zip, found, length + 1), (la_ssize_t)length);
    ck_assert_mem_eq(found, wanted, length);
    free(found);
    archive_read_free(zip);
}

START_TEST(an_archive_is_read_back)
{
    struct iqm_archive *archive = iqm_archive_new(&text);
    static char large[300000];

    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * i % 251);
    ck_assert_int_eq(iqm_archive_entry(archive, "a.csv", 1000000000), 0);
    ck_assert_int_eq(iqm_archive_add(archive, "one", 3), 0);
    ck_assert_int_eq(iqm_archive_add(archive, ",two", 4), 0);
    ck_assert_int_eq(iqm_archive_entry(archive, "b/c.csv", 1000000000), 0);
    ck_assert_int_eq(iqm_archive_add(archive, large, sizeof large), 0);
    ck_assert_int_eq(iqm_archive_entry(archive, "empty", 1000000000), 0);
    ck_assert_int_eq(iqm_archive_end(archive), 0);
    iqm_archive_free(archive);
    holds("a.csv", "one,two", 7);
    holds("b/c.csv", large, sizeof large);
    holds("empty", "", 0);
}
END_TEST

START_TEST(an_archive_can_be_given_up)
{
    struct iqm_archive *archive = iqm_archive_new(&text);

    ck_assert_int_eq(iqm_archive_entry(archive, "a.csv", 0), 0);
    ck_assert_int_eq(iqm_archive_add(archive, "one", 3), 0);
    size_t length = text.length;
    iqm_archive_free(archive);
    ck_assert_uint_eq(text.length, length);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {fields_are_quoted_where_they_must_be, formulas_are_none,
        text_grows, values_of_json, an_archive_is_read_back, an_archive_can_be_given_up};

    return suite_run("export", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
