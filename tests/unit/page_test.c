/* Pages and documents: what the generic resources put together. */
#include "contract_tables.h"
#include "http/request.h"
#include "resource/document.h"
#include "resource/read.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct iqm_arena *arena;
static struct request request;

static void set_up(void)
{
    arena = iqm_arena_new(1 << 22);
    memset(&request, 0, sizeof request);
    request.call.arena = arena;
    request.call.contract = &iqm_contract;
    iqm_problem_init(&request.call.problem, arena);
    ck_assert_int_eq(iqm_contract_open(&iqm_contract), 0);
}

static void tear_down(void)
{
    iqm_contract_close(&iqm_contract);
    iqm_arena_free(arena);
}

static const struct iqm_operation *operation(const char *id)
{
    for (size_t i = 0; i < iqm_contract.operation_count; i++) {
        if (strcmp(iqm_contract.operations[i].id, id) == 0)
            return &iqm_contract.operations[i];
    }
    ck_abort_msg("no such operation");
}

START_TEST(text_grows_beyond_its_first_room)
{
    struct page page = {.arena = arena};

    for (int i = 0; i < 10000; i++)
        page_add_string(&page, "0123456789");
    ck_assert(!page.failed);
    ck_assert_uint_eq(page.length, 100000);
    ck_assert_int_eq(memcmp(page.text + 99990, "0123456789", 10), 0);
}
END_TEST

START_TEST(full_arena_is_told_and_does_no_harm)
{
    struct iqm_arena *small = iqm_arena_new(20000);
    struct page page = {.arena = small};

    for (int i = 0; i < 10000; i++)
        page_add_string(&page, "0123456789");
    ck_assert(page.failed);
    iqm_arena_free(small);
}
END_TEST

START_TEST(link_keeps_the_query_and_replaces_the_cursor)
{
    request.call.operation = operation("list_schools");
    request.call.query = IQM_SLICE("limit=2&cursor=old&name_prefix=%3Ca>b");
    iqm_page_link(&request.call, "new");
    ck_assert_uint_eq(request.header_count, 1);
    ck_assert_str_eq(request.headers[0].name, "Link");
    ck_assert_str_eq(request.headers[0].value,
        "</v1/schools?limit=2&name_prefix=%3Ca%3Eb&cursor=new>; rel=\"next\"");
}
END_TEST

START_TEST(link_of_a_history_holds_the_id)
{
    request.call.operation = operation("list_school_history");
    request.call.path_values[0] = IQM_SLICE("0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f");
    iqm_page_link(&request.call, "c");
    ck_assert_str_eq(request.headers[0].value,
        "</v1/schools/0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f/history?cursor=c>; rel=\"next\"");
}
END_TEST

START_TEST(new_document_has_the_order_of_the_contract)
{
    json_t *wanted = json_loads("{\"region\":null,\"notes\":\"n\",\"name\":\"North\"}", 0, NULL);
    json_t *document = document_build(
        &request.call, IQM_RESOURCE_CLUSTER, NULL, wanted, "0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f");
    static const char *const order[] = {
        "id", "version", "created_at", "updated_at", "name", "notes"};
    size_t i = 0;
    const char *name;
    json_t *value;

    json_object_foreach(document, name, value)
    {
        ck_assert_str_eq(name, order[i]);
        i++;
    }
    ck_assert_uint_eq(i, IQM_LENGTH(order));
    ck_assert_int_eq(json_integer_value(json_object_get(document, "version")), 1);
    json_decref(wanted);
    json_decref(document);
}
END_TEST

START_TEST(changed_document_keeps_its_birth_and_counts_on)
{
    json_t *before = json_loads("{\"id\":\"x\",\"version\":6,\"created_at\":\"then\","
                                "\"updated_at\":\"then\",\"name\":\"North\"}",
        0, NULL);
    json_t *document = document_build(&request.call, IQM_RESOURCE_CLUSTER, before, before, "x");

    ck_assert_int_eq(json_integer_value(json_object_get(document, "version")), 7);
    ck_assert_str_eq(json_string_value(json_object_get(document, "created_at")), "then");
    ck_assert_str_ne(json_string_value(json_object_get(document, "updated_at")), "then");
    ck_assert(document_same(before, document));
    json_object_set_new(document, "name", json_string("South"));
    ck_assert(!document_same(before, document));
    json_decref(before);
    json_decref(document);
}
END_TEST

START_TEST(read_only_members_may_be_repeated_not_changed)
{
    json_t *before = json_loads("{\"id\":\"x\",\"version\":6,\"name\":\"North\"}", 0, NULL);
    json_t *changed = json_loads("{\"id\":\"y\",\"version\":7,\"name\":\"South\"}", 0, NULL);

    ck_assert_int_eq(
        document_check_read_only(&request.call, IQM_RESOURCE_CLUSTER, before, before, "x"), 0);
    ck_assert_int_eq(
        document_check_read_only(&request.call, IQM_RESOURCE_CLUSTER, before, changed, "x"),
        IQM_EPROBLEM);
    ck_assert_uint_eq(request.call.problem.violation_count, 2);
    ck_assert_str_eq(request.call.problem.violations[0].pointer, "/id");
    ck_assert_str_eq(request.call.problem.violations[1].pointer, "/version");
    json_decref(before);
    json_decref(changed);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {text_grows_beyond_its_first_room,
        full_arena_is_told_and_does_no_harm, link_keeps_the_query_and_replaces_the_cursor,
        link_of_a_history_holds_the_id, new_document_has_the_order_of_the_contract,
        changed_document_keeps_its_birth_and_counts_on,
        read_only_members_may_be_repeated_not_changed};

    return suite_run("page", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
