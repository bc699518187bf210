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
    ck_assert_ptr_null(order->deprecation.since);
    const struct iqm_deprecation lid = operation("get_lid")->deprecation;
    ck_assert_str_eq(lid.since, "@1788220800");
    ck_assert_str_eq(lid.sunset, "Wed, 01 Sep 2027 12:30:00 GMT");
    ck_assert_str_eq(lid.successor, "</boxes/special>; rel=\"successor-version\"");
}
END_TEST

START_TEST(problem_types_say_whether_oauth_knows_them)
{
    ck_assert(!TINY_PROBLEM_INVALID->oauth);
    ck_assert(TINY_PROBLEM_INVALID_ORDER->oauth);
}
END_TEST

START_TEST(strings_say_what_they_tell)
{
    const struct iqm_schema *maker = &tiny_contract.schemas[member("maker")->schema];
    const struct iqm_schema *name = &tiny_contract.schemas[member("name")->schema];

    ck_assert_int_eq(maker->personal, IQM_PERSONAL_IDENTIFIES);
    ck_assert_str_eq(maker->purpose, "keeping");
    ck_assert_str_eq(maker->retention, "box");
    ck_assert_int_eq(name->personal, IQM_PERSONAL_NEVER);
    ck_assert_ptr_null(name->purpose);
    ck_assert_ptr_null(TINY_RESOURCE_BOX->subject);
}
END_TEST

START_TEST(places_say_whose_their_rows_are)
{
    const struct iqm_place *lid = &tiny_contract.places[0], *box = &tiny_contract.places[2];

    ck_assert_uint_eq(tiny_contract.place_count, 4);
    ck_assert_str_eq(lid->condition,
        "lid.box_id = ANY (ARRAY(SELECT box.id FROM box WHERE box.maker_id = $1)) "
        "OR lid.id = ANY (ARRAY("
        "SELECT lid_person.holder_id FROM lid_person WHERE lid_person.held_id = $1)) "
        "OR lid.owner_id = $1");
    ck_assert_int_eq(lid->on_erasure, IQM_ERASURE_KEEP);
    ck_assert_str_eq(lid->ground, "Lids stay.");
    ck_assert_str_eq(lid->columns[1].name, "label");
    ck_assert_int_eq(lid->columns[1].personal, IQM_PERSONAL_MAY_MENTION);
    ck_assert_ptr_eq(box->resource, TINY_RESOURCE_BOX);
    ck_assert_ptr_null(tiny_contract.places[1].condition);
}
END_TEST

START_TEST(purposes_and_retention_are_data)
{
    ck_assert_str_eq(tiny_contract.purposes[0].basis, "contract");
    ck_assert_str_eq(tiny_contract.purposes[0].subjects[0], "Makers");
    ck_assert_str_eq(tiny_contract.retention[0].keep, "P1Y");
    ck_assert(!tiny_contract.retention[0].anonymise);
    ck_assert_str_eq(tiny_contract.controller->contact, "keepers@example.org");
    ck_assert_ptr_null(tiny_contract.controller->transfers[0]);
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
    tcase_add_test(tests, strings_say_what_they_tell);
    tcase_add_test(tests, places_say_whose_their_rows_are);
    tcase_add_test(tests, purposes_and_retention_are_data);
    return run_case(tests, "contract_compiled");
}
