/* Links that withdraw, and the CSV of the mailing list. */
#include "programme/consent/link.h"
#include "programme/mailing_list/csv.h"
#include "suite.h"

#include <string.h>

static const char person[] = "0193f2b1-7c1e-7abc-8def-0123456789ab";
static struct iqm_config config;
static struct growing text;

static void set_up(void)
{
    memset(config.token_key_bytes, 7, sizeof config.token_key_bytes);
    text = (struct growing){0};
}

static void tear_down(void)
{
    free(text.bytes);
}

static bool reads(const char *token, char *ret_person)
{
    return consent_link_read(&config, (struct iqm_slice){token, strlen(token)}, ret_person);
}

START_TEST(a_link_is_read_back)
{
    char token[CONSENT_LINK_TEXT], found[IQM_UUID_TEXT];

    consent_link_make(&config, person, token);
    ck_assert_uint_eq(strlen(token), CONSENT_LINK_TEXT - 1);
    ck_assert(reads(token, found));
    ck_assert_str_eq(found, person);
}
END_TEST

START_TEST(a_link_that_was_changed_is_none)
{
    char token[CONSENT_LINK_TEXT], found[IQM_UUID_TEXT];

    consent_link_make(&config, person, token);
    for (size_t i = 0; i < CONSENT_LINK_TEXT - 1; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        ck_assert_msg(!reads(token, found), "character %zu", i);
        token[i] = was;
    }
    ck_assert(!reads("", found));
    token[CONSENT_LINK_TEXT - 2] = '\0';
    ck_assert(!reads(token, found));
}
END_TEST

START_TEST(a_link_of_another_key_is_none)
{
    char token[CONSENT_LINK_TEXT], found[IQM_UUID_TEXT];

    consent_link_make(&config, person, token);
    config.token_key_bytes[31] ^= 1;
    ck_assert(!reads(token, found));
}
END_TEST

static void says(const char *const *fields, size_t count, const char *wanted)
{
    text.length = 0;
    csv_add_record(&text, fields, count);
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
}
END_TEST

START_TEST(text_grows)
{
    static char field[20000];

    memset(field, 'x', sizeof field - 1);
    csv_add_record(&text, (const char *[]){field, field}, 2);
    ck_assert(!text.failed);
    ck_assert_uint_eq(text.length, 2 * (sizeof field - 1) + 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_link_is_read_back, a_link_that_was_changed_is_none,
        a_link_of_another_key_is_none, fields_are_quoted_where_they_must_be, formulas_are_none,
        text_grows};

    return suite_run("consent", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
