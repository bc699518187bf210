/* Tokens and their hashes; ids. */
#include "iqm/auth.h"
#include "iqm/contract.h"
#include "iqm/ids.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, strlen(text)};
}

START_TEST(tokens_differ_and_have_one_form)
{
    char one[IQM_TOKEN_TEXT], other[IQM_TOKEN_TEXT];

    iqm_token_new(one);
    iqm_token_new(other);
    ck_assert_str_ne(one, other);
    ck_assert_uint_eq(strlen(one), IQM_TOKEN_TEXT - 1);
    ck_assert_int_eq(strncmp(one, "iqm_", 4), 0);
}
END_TEST

START_TEST(secrets_differ_by_prefix)
{
    char link[IQM_TOKEN_TEXT];

    iqm_secret_new("iql_", link);
    ck_assert_uint_eq(strlen(link), IQM_TOKEN_TEXT - 1);
    ck_assert(iqm_secret_has_form(slice(link), "iql_"));
    ck_assert(!iqm_secret_has_form(slice(link), IQM_TOKEN_PREFIX));
    ck_assert(!iqm_secret_has_form((struct iqm_slice){link, IQM_TOKEN_TEXT - 2}, "iql_"));
    ck_assert(!iqm_secret_has_form(slice(""), "iql_"));
    ck_assert(!iqm_secret_has_form((struct iqm_slice){NULL, 0}, "iql_"));
}
END_TEST

START_TEST(hash_depends_on_token_and_key)
{
    static const uint8_t key[32] = {1}, other_key[32] = {2};
    uint8_t a[IQM_TOKEN_HASH], b[IQM_TOKEN_HASH];

    iqm_token_hash(key, slice("iqm_a"), a);
    iqm_token_hash(key, slice("iqm_a"), b);
    ck_assert_mem_eq(a, b, sizeof a);
    iqm_token_hash(key, slice("iqm_b"), b);
    ck_assert_mem_ne(a, b, sizeof a);
    iqm_token_hash(other_key, slice("iqm_a"), b);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

START_TEST(uuid7_sorts_in_the_order_made)
{
    char earlier[IQM_UUID_TEXT], later[IQM_UUID_TEXT];

    iqm_uuid7(earlier);
    for (int i = 0; i < 20000; i++) {
        iqm_uuid7(later);
        ck_assert_int_lt(strcmp(earlier, later), 0);
        ck_assert_int_eq(later[14], '7');
        ck_assert_ptr_nonnull(strchr("89ab", later[19]));
        memcpy(earlier, later, sizeof earlier);
    }
    ck_assert(iqm_format_matches(IQM_FORMAT_UUID, later, strlen(later)));
}
END_TEST

START_TEST(time_is_as_the_contract_wants_it)
{
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    ck_assert(iqm_format_matches(IQM_FORMAT_DATE_TIME, now, strlen(now)));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {tokens_differ_and_have_one_form, secrets_differ_by_prefix,
        hash_depends_on_token_and_key, uuid7_sorts_in_the_order_made,
        time_is_as_the_contract_wants_it};

    return suite_run("token", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
