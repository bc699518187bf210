/* Form bodies: decoding, duplicates, bounds, and what their schema refuses. */
#include "contract_tables.h"
#include "http/worker.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static const char *const grants[] = {"authorization_code", "refresh_token", NULL};
static const struct iqm_schema schemas[4] = {
    {.types = IQM_JSON_OBJECT,
        .members = (const struct iqm_member[]){{"grant_type", 1, IQM_MEMBER_REQUIRED, NULL, NULL},
            {"code", 2, 0, NULL, NULL}},
        .member_count = 2,
        .max_items = IQM_NO_LIMIT,
        .items = IQM_NO_SCHEMA,
        .additional = IQM_NO_SCHEMA},
    {.types = IQM_JSON_STRING, .max_length = IQM_NO_LIMIT, .enumeration = grants},
    {.types = IQM_JSON_STRING, .max_length = 5},
};
static const struct iqm_contract contract = {.schemas = schemas, .schema_count = 3};
static const struct iqm_config config = {.body_max = 1 << 20};
static const struct iqm_server_options options = {.config = &config, .contract = &contract};
static struct worker worker = {.options = &options};
static struct iqm_operation operation;
static struct request request;

static void set_up(void)
{
    memset(&request, 0, sizeof request);
    operation = (struct iqm_operation){.body = IQM_BODY_FORM, .body_schema = 0};
    request.worker = &worker;
    request.call.arena = iqm_arena_new(1 << 20);
    request.call.contract = &contract;
    request.call.operation = &operation;
    iqm_problem_init(&request.call.problem, request.call.arena);
}

static void tear_down(void)
{
    json_decref(request.call.body);
    free(request.body_text);
    iqm_arena_free(request.call.arena);
}

static int parse(const char *text, size_t len)
{
    tear_down();
    set_up();
    return form_parse(&request.call, (struct iqm_slice){text, len});
}

static const char *field(const char *name)
{
    return json_string_value(json_object_get(request.call.body, name));
}

static int receive(const char *text)
{
    ck_assert_int_eq(body_append(&request, text, strlen(text)), 0);
    return body_parse(&request);
}

START_TEST(fields_are_decoded_once)
{
    static const char text[] = "a=1+%2B+2&b=%2541&%C3%BC=%e2%82%ac&c=x=y&d&e=&&";

    ck_assert_int_eq(parse(text, strlen(text)), 0);
    ck_assert_uint_eq(json_object_size(request.call.body), 6);
    ck_assert_str_eq(field("a"), "1 + 2");
    ck_assert_str_eq(field("b"), "%41");
    ck_assert_str_eq(field("\xC3\xBC"), "\xE2\x82\xAC");
    ck_assert_str_eq(field("c"), "x=y");
    ck_assert_str_eq(field("d"), "");
    ck_assert_str_eq(field("e"), "");
    ck_assert_int_eq(parse("", 0), 0);
    ck_assert_uint_eq(json_object_size(request.call.body), 0);
}
END_TEST

START_TEST(what_is_no_form_is_refused)
{
    static const struct iqm_slice bad[] = {IQM_SLICE("a=%"), IQM_SLICE("a=%4"), IQM_SLICE("%zz=1"),
        IQM_SLICE("a=%00"), IQM_SLICE("a=\0"), IQM_SLICE("a=%ff"), IQM_SLICE("a=\xC3"),
        IQM_SLICE("a=%ED%A0%80")};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        ck_assert_int_eq(parse(bad[i].ptr, bad[i].len), IQM_EPROBLEM);
        ck_assert_ptr_eq(request.call.problem.type, IQM_PROBLEM_MALFORMED_BODY);
    }
}
END_TEST

START_TEST(a_field_stands_once)
{
    static const char text[] = "code=1&co%64e=1";

    ck_assert_int_eq(parse(text, strlen(text)), IQM_EPROBLEM);
    ck_assert_ptr_eq(request.call.problem.type, IQM_PROBLEM_MALFORMED_BODY);
    ck_assert_str_eq(request.call.problem.detail, "The field code is sent more than once.");
}
END_TEST

START_TEST(fields_are_bounded)
{
    char text[65 * 5 + 1] = "";

    for (int i = 10; i < 74; i++)
        sprintf(text + strlen(text), "f%d=&", i);
    ck_assert_int_eq(parse(text, strlen(text)), 0);
    strcat(text, "g=");
    ck_assert_int_eq(parse(text, strlen(text)), IQM_EPROBLEM);
    ck_assert_str_eq(request.call.problem.detail, "The form has more than 64 fields.");
}
END_TEST

START_TEST(the_schema_has_its_say)
{
    ck_assert_int_eq(receive("grant_type=refresh_token&code=12345&more=1"), 0);
    ck_assert_str_eq(field("grant_type"), "refresh_token");
    tear_down();
    set_up();
    ck_assert_int_eq(receive("code=123456"), IQM_EPROBLEM);
    ck_assert_ptr_eq(request.call.problem.type, IQM_PROBLEM_VALIDATION_FAILED);
    ck_assert_uint_eq(request.call.problem.violation_count, 2);
}
END_TEST

START_TEST(oauth_names_the_field_in_a_400)
{
    operation.errors = IQM_ERRORS_OAUTH;
    ck_assert_int_eq(receive("grant_type=password"), IQM_EPROBLEM);
    ck_assert_uint_eq(request.call.problem.type->status, 400);
    ck_assert_ptr_nonnull(strstr(failure_sentence(&request.call.problem), "grant_type "));
}
END_TEST

START_TEST(an_operation_has_its_own_limit)
{
    operation.body_limit = 10;
    ck_assert_int_eq(body_append(&request, "code=12345", 10), 0);
    ck_assert_int_eq(body_append(&request, "6", 1), IQM_EPROBLEM);
    ck_assert_ptr_eq(request.call.problem.type, IQM_PROBLEM_CONTENT_TOO_LARGE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {fields_are_decoded_once, what_is_no_form_is_refused,
        a_field_stands_once, fields_are_bounded, the_schema_has_its_say,
        oauth_names_the_field_in_a_400, an_operation_has_its_own_limit};

    return suite_run("form", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
