/* Links that withdraw. */
#include "programme/consent/link.h"
#include "suite.h"

#include <string.h>

static const char person[] = "0193f2b1-7c1e-7abc-8def-0123456789ab";
static struct iqm_config config;

static void set_up(void)
{
    memset(config.token_key_bytes, 7, sizeof config.token_key_bytes);
}

static void tear_down(void)
{
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

int main(void)
{
    const TTest *const tests[] = {
        a_link_is_read_back, a_link_that_was_changed_is_none, a_link_of_another_key_is_none};

    return suite_run("consent", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
