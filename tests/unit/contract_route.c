/* Routing: which path leads where, and what its segments decode to. Also the tables themselves. */
#include "contract_support.h"
#include "iqm/arena.h"

#include <string.h>

static struct iqm_arena *arena;
static const struct iqm_route *route;
static struct iqm_slice values[IQM_PATH_PARAMETERS_MAX];

static void set_up(void)
{
    arena = iqm_arena_new(100000);
    route = NULL;
}

static void tear_down(void)
{
    iqm_arena_free(arena);
}

static int find(const char *path)
{
    struct iqm_slice slice = {path, strlen(path)};
    return iqm_contract_route(&tiny_contract, slice, arena, &route, values);
}

static void assert_value(size_t index, const char *wanted)
{
    ck_assert(iqm_slice_equal_string(values[index], wanted));
    ck_assert_str_eq(values[index].ptr, wanted);
}

START_TEST(literal_comes_before_template)
{
    ck_assert_int_eq(find("/boxes/special"), 0);
    ck_assert_str_eq(route->path, "/boxes/special");
    ck_assert_int_eq(find("/boxes/specially"), 0);
    ck_assert_str_eq(route->path, "/boxes/{box_id}");
    assert_value(0, "specially");
}
END_TEST

START_TEST(falls_back_to_template_when_literal_leads_nowhere)
{
    ck_assert_int_eq(find("/boxes/special/lids/a"), 0);
    ck_assert_str_eq(route->path, "/boxes/{box_id}/lids/{lid_name}");
    assert_value(0, "special");
    assert_value(1, "a");
}
END_TEST

START_TEST(decodes_each_segment_once)
{
    ck_assert_int_eq(find("/boxes/a%2Fb/lids/%2541%20+%C3%A9"), 0);
    assert_value(0, "a/b");
    assert_value(1, "%41 +\xC3\xA9");
    ck_assert_int_eq(find("/%62oxes"), 0);
    ck_assert_str_eq(route->path, "/boxes");
    ck_assert_int_eq(find("/boxes%2Fspecial"), IQM_ENOTFOUND);
}
END_TEST

START_TEST(refuses_what_does_not_decode)
{
    static const char *const paths[] = {"/boxes/%", "/boxes/%4", "/boxes/%zz", "/boxes/%00",
        "/boxes/%ff", "/boxes/%C3", "/boxes/\xC3", "/boxes/%ED%A0%80", "/boxes/%C0%AF"};
    for (size_t i = 0; i < IQM_LENGTH(paths); i++)
        ck_assert_msg(find(paths[i]) == IQM_EINVAL, "%s", paths[i]);
    ck_assert_int_eq(
        iqm_contract_route(&tiny_contract, IQM_SLICE("/boxes/a\0b"), arena, &route, values),
        IQM_EINVAL);
    ck_assert_ptr_null(route);
}
END_TEST

START_TEST(empty_segments_match_nothing)
{
    static const char *const paths[] = {"", "/", "//", "/boxes/", "//boxes", "/boxes//",
        "/boxes//lids/a", "boxes", "/boxes/a/lids/", "/box", "/boxess", "/boxes/a/b", "*",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s"};
    for (size_t i = 0; i < IQM_LENGTH(paths); i++)
        ck_assert_msg(find(paths[i]) == IQM_ENOTFOUND, "%s", paths[i]);
}
END_TEST

START_TEST(small_arena_is_told)
{
    struct iqm_arena *small = iqm_arena_new(8);
    int result =
        iqm_contract_route(&tiny_contract, IQM_SLICE("/boxes/0123456789"), small, &route, values);
    iqm_arena_free(small);
    ck_assert_int_eq(result, IQM_ENOMEM);
}
END_TEST

START_TEST(path_parameters_stand_first_in_order)
{
    ck_assert_int_eq(find("/boxes/a/lids/b"), 0);
    const struct iqm_operation *operation = route->operations[IQM_METHOD_GET];
    ck_assert_str_eq(operation->id, "get_lid");
    ck_assert_str_eq(operation->parameters[0].name, "box_id");
    ck_assert_str_eq(operation->parameters[1].name, "lid_name");
    ck_assert_ptr_null(route->operations[IQM_METHOD_PUT]);
    ck_assert(operation->is_public);
    ck_assert_int_eq(operation->responses[0].status, 200);
    ck_assert_str_eq(operation->responses[0].media_type, "text/plain");
    ck_assert_int_eq(operation->responses[1].status, 0);
}
END_TEST

START_TEST(list_operation_is_as_the_contract_says)
{
    ck_assert_int_eq(find("/boxes"), 0);
    const struct iqm_operation *list = route->operations[IQM_METHOD_GET];
    ck_assert_str_eq(list->roles, "{keeper}");
    ck_assert_str_eq(list->scope, "boxes:read");
    ck_assert_str_eq(list->parameters[0].default_text, "50");
    ck_assert_str_eq(list->parameters[1].default_text, "false");
    ck_assert_int_eq(list->parameters[3].filter, IQM_FILTER_PREFIX);
    ck_assert_str_eq(list->parameters[3].column, "maker");
    ck_assert_ptr_eq(list->resource, TINY_RESOURCE_BOX);
    ck_assert_str_eq(list->resource->sorts[1].value, "-name");
    ck_assert(list->resource->sorts[1].descending);
    ck_assert_ptr_null(list->resource->sorts[2].value);
    ck_assert_int_eq(route->operations[IQM_METHOD_POST]->body, IQM_BODY_JSON);
}
END_TEST

START_TEST(statement_has_numbered_parameters)
{
    const struct iqm_statement *statement = TINY_RESOURCE_BOX->context;
    ck_assert_ptr_eq(statement, TINY_STATEMENT_BOX_CONTEXT);
    ck_assert_int_eq(statement->parameter_count, 2);
    ck_assert_str_eq(statement->parameters[0], "box_id");
    ck_assert_str_eq(statement->parameters[1], "name");
    ck_assert_ptr_nonnull(
        strstr(statement->sql, "box_id = $1::uuid AND name = $2 AND other <> $1"));
    ck_assert_ptr_nonnull(strstr(statement->sql, "':a' || E'it\\':b' || $t$ :c $$ $t$ || \":d\""));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("route");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, literal_comes_before_template);
    tcase_add_test(tests, falls_back_to_template_when_literal_leads_nowhere);
    tcase_add_test(tests, decodes_each_segment_once);
    tcase_add_test(tests, refuses_what_does_not_decode);
    tcase_add_test(tests, empty_segments_match_nothing);
    tcase_add_test(tests, small_arena_is_told);
    tcase_add_test(tests, path_parameters_stand_first_in_order);
    tcase_add_test(tests, list_operation_is_as_the_contract_says);
    tcase_add_test(tests, statement_has_numbered_parameters);
    return run_case(tests, "contract_route");
}
