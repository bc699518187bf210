/* The three-way merge: what the register changed goes in, what people changed here stays. */
#include "programme/register/record.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* JSON with single quotes; NULL expected: the document stays as it is. */
static const struct {
    const char *base, *ours, *theirs, *expected;
} cases[] = {
    /* The same again. */
    {"{'urn':'1','name':'A'}", "{'id':'x','urn':'1','name':'A'}", "{'urn':'1','name':'A'}", NULL},
    /* The register changed a member that nobody touched. */
    {"{'urn':'1','name':'A'}", "{'id':'x','urn':'1','name':'A'}", "{'urn':'1','name':'B'}",
        "{'id':'x','urn':'1','name':'B'}"},
    /* A person changed it; the register did not. */
    {"{'name':'A'}", "{'name':'Mine'}", "{'name':'A'}", NULL},
    /* Both changed it: the person's stays. */
    {"{'name':'A'}", "{'name':'Mine'}", "{'name':'B'}", NULL},
    /* Both made the same change. */
    {"{'name':'A'}", "{'name':'B'}", "{'name':'B'}", NULL},
    /* The register dropped a member. */
    {"{'name':'A','town':'T'}", "{'name':'A','town':'T'}", "{'name':'A'}", "{'name':'A'}"},
    /* The register dropped it, but a person had changed it. */
    {"{'name':'A','town':'T'}", "{'name':'A','town':'U'}", "{'name':'A'}", NULL},
    /* A person took it out; the register changed it. */
    {"{'town':'T'}", "{'name':'A'}", "{'town':'U'}", NULL},
    {"{'town':'T'}", "{'name':'A','town':null}", "{'town':'U'}", NULL},
    /* The register has a new member; null and none are the same. */
    {"{'name':'A'}", "{'name':'A'}", "{'name':'A','town':'T'}", "{'name':'A','town':'T'}"},
    {"{'name':'A'}", "{'name':'A','town':null}", "{'name':'A','town':'T'}",
        "{'name':'A','town':'T'}"},
    /* A person filled it first. */
    {"{'name':'A'}", "{'name':'A','town':'Mine'}", "{'name':'A','town':'T'}", NULL},
    /* Made by hand: what is set stays, gaps are filled. */
    {NULL, "{'id':'x','urn':'1','name':'Mine'}", "{'urn':'1','name':'A','town':'T'}",
        "{'id':'x','urn':'1','name':'Mine','town':'T'}"},
    {NULL, "{'urn':'1','name':'A'}", "{'urn':'1','name':'A'}", NULL},
    /* What the register does not own is kept, after its members. */
    {"{'name':'A'}", "{'id':'x','version':3,'cluster_id':'c','name':'A'}",
        "{'name':'B','town':'T'}", "{'id':'x','version':3,'name':'B','town':'T','cluster_id':'c'}"},
    /* Members come in the contract's order whatever they came in. */
    {"{}", "{'updated_at':'u','created_at':'c','version':1,'id':'x'}",
        "{'high_age':11,'low_age':3,'name':'A'}",
        "{'id':'x','version':1,'created_at':'c','updated_at':'u','name':'A','low_age':3,"
        "'high_age':11}"},
    /* A person's age and the register's would contradict each other: both ages stay. */
    {"{'low_age':3,'high_age':11}", "{'low_age':9,'high_age':11}", "{'low_age':3,'high_age':7}",
        NULL},
    {"{'low_age':3,'high_age':11}", "{'low_age':5,'high_age':11}", "{'low_age':3,'high_age':7}",
        "{'low_age':5,'high_age':7}"},
    /* So with dates, and with the authority's code in the LAESTAB. */
    {"{'open_date':'2000-01-01'}", "{'open_date':'2010-01-01'}",
        "{'open_date':'2000-01-01','close_date':'2005-01-01'}", NULL},
    {"{'laestab':'2012000','local_authority_code':'201'}",
        "{'laestab':'2012001','local_authority_code':'201'}",
        "{'laestab':'3012000','local_authority_code':'301'}", NULL},
    {"{'laestab':'2012000','local_authority_code':'201'}",
        "{'laestab':'2012000','local_authority_code':'201'}",
        "{'laestab':'3012000','local_authority_code':'301'}",
        "{'laestab':'3012000','local_authority_code':'301'}"},
};

static json_t *load(const char *text)
{
    if (!text)
        return NULL;
    char copy[512];
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    json_t *value = json_loads(copy, 0, NULL);
    ck_assert_ptr_nonnull(value);
    return value;
}

START_TEST(merge)
{
    json_t *base = load(cases[_i].base), *ours = load(cases[_i].ours);
    json_t *theirs = load(cases[_i].theirs), *expected = load(cases[_i].expected);
    json_t *merged = NULL;
    ck_assert_int_eq(iqm_register_merge(base, ours, theirs, &merged), 0);
    char *got = merged ? json_dumps(merged, 0) : NULL;
    char *want = expected ? json_dumps(expected, 0) : NULL;
    ck_assert_pstr_eq(got, want);
    free(got);
    free(want);
    /* Once merged, the same again changes nothing. */
    if (merged) {
        json_t *again = NULL;
        ck_assert_int_eq(iqm_register_merge(theirs, merged, theirs, &again), 0);
        ck_assert_ptr_null(again);
    }
    json_decref(base);
    json_decref(ours);
    json_decref(theirs);
    json_decref(expected);
    json_decref(merged);
}
END_TEST

/* A column that the file lacks says nothing: the school keeps what the register said before. */
START_TEST(carry)
{
    struct iqm_register_columns columns = {.present = {
                                               [IQM_COLUMN_URN] = true,
                                               [IQM_COLUMN_NAME] = true,
                                               [IQM_COLUMN_LA_CODE] = true,
                                           }};
    json_t *base = load("{'urn':'1','laestab':'2012000','name':'A','nation':'wales','town':'T'}");
    json_t *record = load("{'urn':'1','name':'B','local_authority_code':'201','nation':'england'}");
    json_t *expected =
        load("{'urn':'1','laestab':'2012000','name':'B','local_authority_code':'201',"
             "'nation':'wales','town':'T'}");
    json_t *carried = iqm_register_carry(&columns, base, record);
    char *got = json_dumps(carried, 0), *want = json_dumps(expected, 0);
    ck_assert_str_eq(got, want);
    free(got);
    free(want);
    json_decref(carried);
    carried = iqm_register_carry(&columns, NULL, record);
    ck_assert_ptr_null(json_object_get(carried, "town"));
    json_decref(carried);
    json_decref(base);
    json_decref(record);
    json_decref(expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register_merge");
    TCase *tests = tcase_create("merge");
    tcase_add_loop_test(tests, merge, 0, (int)COUNT(cases));
    tcase_add_test(tests, carry);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
