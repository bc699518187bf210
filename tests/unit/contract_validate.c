/* Validation: each keyword with its sentence and its pointer, and bounds under hostile input. */
#include "contract_support.h"
#include "iqm/problem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ID "\"id\":\"0190f6a4-7c3e-7b1a-8f00-0123456789ab\""

static struct iqm_arena *arena;
static struct iqm_problem problem;

static void set_up(void)
{
    arena = iqm_arena_new((size_t)4 << 20);
    iqm_problem_init(&problem, arena);
    ck_assert_int_eq(iqm_contract_open(&tiny_contract), 0);
}

static void tear_down(void)
{
    iqm_contract_close(&tiny_contract);
    iqm_arena_free(arena);
}

static int validate_value(json_t *value, bool for_request)
{
    iqm_problem_init(&problem, arena);
    int result = iqm_contract_validate(
        &tiny_contract, TINY_RESOURCE_BOX->schema, value, "", for_request, &problem);
    json_decref(value);
    return result;
}

static int validate(const char *json)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(value != NULL, "%s", json);
    return validate_value(value, true);
}

static void assert_violation(size_t index, const char *pointer, const char *detail)
{
    ck_assert_uint_lt(index, problem.violation_count);
    ck_assert_str_eq(problem.violations[index].pointer, pointer);
    ck_assert_str_eq(problem.violations[index].detail, detail);
}

static void assert_only(const char *json, const char *pointer, const char *detail)
{
    ck_assert_int_eq(validate(json), IQM_EPROBLEM);
    assert_violation(0, pointer, detail);
    ck_assert_uint_eq(problem.violation_total, 1);
}

START_TEST(good_documents_pass)
{
    static const char *const documents[] = {"{\"name\":\"abc\"}",
        "{" ID ",\"name\":\"0123456789\",\"colour\":null,\"code\":\"AB12\",\"weight\":0.5}",
        "{\"name\":\"éééééééééé\",\"weight\":100,\"count\":9,\"sealed\":false}",
        "{\"name\":\"abc\",\"tags\":[\"a\",\"b\",\"c\"],\"made_on\":\"2024-02-29\"}",
        "{\"name\":\"abc\",\"maker\":\"a@b.cd\",\"notes\":{},\"colour\":\"red\"}",
        "{\"name\":\"abc\",\"notes\":{\"x\":\"12345\"},\"inner\":{\"name\":\"abc\"}}"};
    for (size_t i = 0; i < IQM_LENGTH(documents); i++)
        ck_assert_msg(validate(documents[i]) == 0, "%s", documents[i]);
}
END_TEST

static const struct {
    const char *json, *pointer, *detail;
} faults[] = {
    {"[]", "", "must be an object, is an array"},
    {"null", "", "must be an object, is null"},
    {"{}", "/name", "is required"},
    {"{\"name\":\"a\"}", "/name", "must be at least 3 characters, is 1"},
    {"{\"name\":\"01234567890\"}", "/name", "must be at most 10 characters, is 11"},
    {"{\"name\":null}", "/name", "must be a string, is null"},
    {"{\"name\":\"abc\",\"id\":\"x\"}", "/id", "must be a UUID in lower-case hexadecimal"},
    {"{\"name\":\"abc\",\"colour\":\"blue\"}", "/colour", "must be one of: red, green"},
    {"{\"name\":\"abc\",\"colour\":1}", "/colour", "must be a string or null, is an integer"},
    {"{\"name\":\"abc\",\"code\":\"AB\"}", "/code", "must match the pattern ^[A-Z]{2}[0-9]+$"},
    {"{\"name\":\"abc\",\"code\":\"AB1\\n\"}", "/code", "must match the pattern ^[A-Z]{2}[0-9]+$"},
    {"{\"name\":\"abc\",\"weight\":100.5}", "/weight", "must be at most 100, is 100.5"},
    {"{\"name\":\"abc\",\"weight\":-1}", "/weight", "must be at least 0, is -1"},
    {"{\"name\":\"abc\",\"weight\":\"1\"}", "/weight", "must be a number or null, is a string"},
    {"{\"name\":\"abc\",\"count\":0}", "/count", "must be at least 1, is 0"},
    {"{\"name\":\"abc\",\"count\":10}", "/count", "must be at most 9, is 10"},
    {"{\"name\":\"abc\",\"count\":1.0}", "/count",
        "must be an integer, is a number with a fraction or an exponent"},
    {"{\"name\":\"abc\",\"sealed\":0}", "/sealed", "must be true or false, is an integer"},
    {"{\"name\":\"abc\",\"tags\":[]}", "/tags", "must have at least 1 item, has 0"},
    {"{\"name\":\"abc\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "/tags",
        "must have at most 3 items, has 4"},
    {"{\"name\":\"abc\",\"tags\":[\"a\",1]}", "/tags/1", "must be a string, is an integer"},
    {"{\"name\":\"abc\",\"tags\":[\"a\",\"b\",\"a\"]}", "/tags/2", "must differ from item 0"},
    {"{\"name\":\"abc\",\"made_on\":\"2026-02-29\"}", "/made_on",
        "must be a date that exists, such as 2026-11-23"},
    {"{\"name\":\"abc\",\"maker\":\"me\"}", "/maker", "must be an e-mail address"},
    {"{\"name\":\"abc\",\"notes\":{\"a/b~c\":\"123456\"}}", "/notes/a~1b~0c",
        "must be at most 5 characters, is 6"},
    {"{\"name\":\"abc\",\"nmae\":1}", "/nmae", "is not a member of Box; did you mean \"name\"?"},
    {"{\"name\":\"abc\",\"zebra\":1}", "/zebra", "is not a member of Box"},
    {"{\"name\":\"abc\",\"\":1}", "/", "is not a member of Box"},
    {"{\"name\":\"abc\",\"inner\":{\"name\":\"abc\",\"inner\":{}}}", "/inner/inner/name",
        "is required"},
};

START_TEST(fault_is_told)
{
    assert_only(faults[_i].json, faults[_i].pointer, faults[_i].detail);
}
END_TEST

START_TEST(every_violation_is_told)
{
    ck_assert_int_eq(validate("{\"colour\":\"x\",\"count\":0,\"other\":1}"), IQM_EPROBLEM);
    ck_assert_uint_eq(problem.violation_total, 4);
    assert_violation(0, "/name", "is required");
    assert_violation(1, "/colour", "must be one of: red, green");
    assert_violation(2, "/count", "must be at least 1, is 0");
    assert_violation(3, "/other", "is not a member of Box");
}
END_TEST

START_TEST(read_only_is_required_in_answers_only)
{
    ck_assert_int_eq(validate("{\"name\":\"abc\"}"), 0);
    ck_assert_int_eq(validate_value(json_pack("{ss}", "name", "abc"), false), IQM_EPROBLEM);
    assert_violation(0, "/id", "is required");
}
END_TEST

START_TEST(pointer_starts_where_told)
{
    json_t *value = json_pack("{si}", "name", 1);
    int result = iqm_contract_validate(
        &tiny_contract, TINY_RESOURCE_BOX->schema, value, "/items/3", true, &problem);
    json_decref(value);
    ck_assert_int_eq(result, IQM_EPROBLEM);
    assert_violation(0, "/items/3/name", "must be a string, is an integer");
}
END_TEST

/* An object with `count` members that no schema knows. */
static json_t *hostile_object(size_t count)
{
    json_t *object = json_pack("{ss}", "name", "abc");
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "unknown_%zu", i);
        json_object_set_new(object, name, json_true());
    }
    return object;
}

START_TEST(many_unknown_members_are_counted_not_listed)
{
    json_t *object = hostile_object(100000);
    clock_t start = clock();
    ck_assert_int_eq(validate_value(object, true), IQM_EPROBLEM);
    ck_assert_uint_eq(problem.violation_count, IQM_PROBLEM_VIOLATIONS_MAX);
    ck_assert_uint_eq(problem.violation_total, 100000);
    ck_assert_int_lt(clock() - start, CLOCKS_PER_SEC);
}
END_TEST

START_TEST(long_names_and_deep_values_keep_pointers_short)
{
    char name[5000];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(
        validate_value(json_pack("{sssi}", "name", "abc", name, 1), true), IQM_EPROBLEM);
    ck_assert_str_eq(problem.violations[0].pointer, "");
    json_t *value = json_object();
    for (int i = 0; i < 500; i++)
        value = json_pack("{ssso}", "name", "abc", "inner", value);
    ck_assert_int_eq(validate_value(value, true), IQM_EPROBLEM);
    ck_assert_uint_le(strlen(problem.violations[0].pointer), 1000);
    ck_assert_uint_eq(problem.violation_total, 1);
}
END_TEST

START_TEST(small_arena_still_refuses)
{
    struct iqm_arena *small = iqm_arena_new(64);
    iqm_problem_init(&problem, small);
    json_t *value = hostile_object(50);
    int result =
        iqm_contract_validate(&tiny_contract, TINY_RESOURCE_BOX->schema, value, "", true, &problem);
    json_decref(value);
    iqm_arena_free(small);
    ck_assert_int_eq(result, IQM_EPROBLEM);
}
END_TEST

static void assert_parameter(size_t index, const char *text, const char *detail)
{
    const struct iqm_parameter *parameter = &tiny_contract.operations[0].parameters[index];
    struct iqm_slice slice = {text, strlen(text)};
    iqm_problem_init(&problem, arena);
    int result = iqm_contract_validate_parameter(&tiny_contract, parameter, slice, &problem);
    ck_assert_msg((result == 0) == (detail == NULL), "%s: %s", parameter->name, text);
    if (detail == NULL)
        return;
    ck_assert_str_eq(problem.violations[0].detail, detail);
    ck_assert_str_eq(problem.violations[0].parameter, parameter->name);
    ck_assert_ptr_null(problem.violations[0].pointer);
}

START_TEST(parameters)
{
    static const char *const not_integers[] = {"", "-", "+1", "01", "1.0", "1e2", " 1", "1 ", "-0",
        "9223372036854775808", "99999999999999999999999999", "0x1"};
    for (size_t i = 0; i < IQM_LENGTH(not_integers); i++)
        assert_parameter(0, not_integers[i], "must be an integer");
    assert_parameter(0, "200", NULL);
    assert_parameter(0, "0", "must be at least 1, is 0");
    assert_parameter(0, "9223372036854775807", "must be at most 200, is 9223372036854775807");
    assert_parameter(1, "true", NULL);
    assert_parameter(1, "TRUE", "must be true or false");
    assert_parameter(2, "-name", NULL);
    assert_parameter(2, "size", "must be one of: name, -name");
    assert_parameter(3, "ab", "must be at least 3 characters, is 2");
    assert_parameter(3, "a\xFF", "must be UTF-8 without NUL");
    assert_parameter(4, "abc", NULL);
    assert_parameter(4, "ABC", "must match the pattern ^[a-z]+$");
    ck_assert_str_eq(problem.violations[0].in, "header");
}
END_TEST

START_TEST(parameters_of_several)
{
#define ONE "0190f6a4-7c3e-7b1a-8f00-0123456789ab"
#define TWO "0190f6a4-7c3e-7b1a-8f00-0123456789ac"
#define NO_UUID "must be a UUID in lower-case hexadecimal"
    assert_parameter(5, ONE, NULL);
    assert_parameter(5, ONE "," TWO, NULL);
    assert_parameter(5, "", "item 0 " NO_UUID);
    assert_parameter(5, ONE ",", "item 1 " NO_UUID);
    assert_parameter(5, "," ONE, "item 0 " NO_UUID);
    assert_parameter(5, ONE ", " TWO, "item 1 " NO_UUID);
    assert_parameter(5, ONE "," ONE, "item 1 must differ from item 0");
    assert_parameter(5, ONE "," TWO "," ONE, "must have at most 2 items, has 3");
    ck_assert_uint_eq(problem.violation_total, 2);
}
END_TEST

START_TEST(problem_as_text)
{
    ck_assert_int_eq(validate("{\"count\":0}"), IQM_EPROBLEM);
    iqm_problem_set(&problem, TINY_PROBLEM_INVALID, "Box %d is not valid.", 7);
    size_t len = 0;
    const char *text = iqm_problem_text(&problem, "id-1", &len);
    ck_assert_str_eq(text, "{\"type\":\"/problems/invalid\",\"title\":\"Not valid\",\"status\":400,"
                           "\"detail\":\"Box 7 is not valid.\",\"instance\":\"id-1\",\"errors\":["
                           "{\"pointer\":\"/name\",\"detail\":\"is required\"},"
                           "{\"pointer\":\"/count\",\"detail\":\"must be at least 1, is 0\"}],"
                           "\"error_count\":2}");
    ck_assert_uint_eq(len, strlen(text));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("validate");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, good_documents_pass);
    tcase_add_loop_test(tests, fault_is_told, 0, (int)IQM_LENGTH(faults));
    tcase_add_test(tests, every_violation_is_told);
    tcase_add_test(tests, read_only_is_required_in_answers_only);
    tcase_add_test(tests, pointer_starts_where_told);
    tcase_add_test(tests, many_unknown_members_are_counted_not_listed);
    tcase_add_test(tests, long_names_and_deep_values_keep_pointers_short);
    tcase_add_test(tests, small_arena_still_refuses);
    tcase_add_test(tests, parameters);
    tcase_add_test(tests, parameters_of_several);
    tcase_add_test(tests, problem_as_text);
    return run_case(tests, "contract_validate");
}
