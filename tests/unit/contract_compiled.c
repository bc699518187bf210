/* What the compiler writes into the tables beside what routing and validation show. */
#include "contract_support.h"

#include <string.h>

static const struct iqm_operation *operation(const char *id)
{
    for (size_t i = 0; i < tiny_contract.operation_count; i++) {
        if (strcmp(tiny_contract.operations[i].id, id) == 0)
            return &tiny_contract.operations[i];
    }
    ck_abort_msg("no operation %s", id);
}

static const struct iqm_member *member(const char *name)
{
    const struct iqm_schema *box = &tiny_contract.schemas[TINY_RESOURCE_BOX->schema];

    for (uint16_t i = 0; i < box->member_count; i++) {
        if (strcmp(box->members[i].name, name) == 0)
            return &box->members[i];
    }
    ck_abort_msg("no member %s", name);
}

static const char *const *writers(const char *name)
{
    return member(name)->writers;
}

START_TEST(scopes_have_their_sentences)
{
    ck_assert_uint_eq(tiny_contract.scope_count, 2);
    ck_assert_str_eq(tiny_contract.scopes[0].name, "boxes:read");
    ck_assert_str_eq(tiny_contract.scopes[0].sentence, "See boxes.");
    ck_assert_str_eq(tiny_contract.scopes[1].name, "boxes:write");
}
END_TEST

START_TEST(members_say_who_may_set_them)
{
    ck_assert_ptr_null(writers("name"));
    ck_assert_str_eq(writers("code")[0], "keeper");
    ck_assert_str_eq(writers("code")[1], "guest");
    ck_assert_ptr_null(writers("code")[2]);
    ck_assert_str_eq(writers("weight")[0], "keeper");
    ck_assert_ptr_null(writers("weight")[1]);
}
END_TEST

START_TEST(members_say_who_may_set_them_when_creating)
{
    ck_assert_ptr_null(member("name")->creators);
    ck_assert_str_eq(member("code")->creators[0], "guest");
    ck_assert_ptr_null(member("code")->creators[1]);
    ck_assert_ptr_eq(member("weight")->creators, writers("weight"));
}
END_TEST

START_TEST(operations_say_how_they_are_spoken_to)
{
    const struct iqm_operation *order = operation("order_special_box");

    ck_assert_int_eq(order->body, IQM_BODY_FORM);
    ck_assert_str_eq(order->body_media_types, "application/x-www-form-urlencoded");
    ck_assert_int_eq(order->errors, IQM_ERRORS_OAUTH);
    ck_assert(order->ignore_unknown);
    ck_assert_int_eq(operation("create_box")->errors, IQM_ERRORS_PROBLEM);
    ck_assert(!operation("create_box")->ignore_unknown);
    ck_assert_uint_eq(operation("get_special_box")->cache_seconds, 60);
    ck_assert_uint_eq(order->cache_seconds, 0);
}
END_TEST

START_TEST(problem_types_say_whether_oauth_knows_them)
{
    ck_assert(!TINY_PROBLEM_INVALID->oauth);
    ck_assert(TINY_PROBLEM_INVALID_ORDER->oauth);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("compiled");
    tcase_add_test(tests, scopes_have_their_sentences);
    tcase_add_test(tests, members_say_who_may_set_them);
    tcase_add_test(tests, members_say_who_may_set_them_when_creating);
    tcase_add_test(tests, operations_say_how_they_are_spoken_to);
    tcase_add_test(tests, problem_types_say_whether_oauth_knows_them);
    return run_case(tests, "contract_compiled");
}
