/* Walking over members and items, also of text that is broken: never beyond its end. */
#include "contract_support.h"
#include "iqm/members.h"

#include <stdlib.h>
#include <string.h>

static const char text[] = "{\"a\\\"b\": [1, \"],}\", {\"c\": [[]]}, [2, \"\\\\\"] ,null ], \"d\": "
                           "\"e\"\n, \"f\": {\"g\": 1}}";

static void assert_slice(struct iqm_slice found, const char *wanted)
{
    ck_assert_msg(
        iqm_slice_equal_string(found, wanted), "%.*s is not %s", (int)found.len, found.ptr, wanted);
}

START_TEST(members_and_items_in_their_order)
{
    static const char *const items[] = {"1", "\"],}\"", "{\"c\": [[]]}", "[2, \"\\\\\"]", "null "};
    struct iqm_members members;
    struct iqm_slice item;
    size_t count = 0;

    iqm_members_open(&members, (struct iqm_slice){text, strlen(text)});
    ck_assert(iqm_members_next(&members));
    assert_slice(members.name, "a\\\"b");
    struct iqm_slice rest = {members.value.ptr + 1, members.value.len - 1};
    while (iqm_items_next(&rest, &item))
        assert_slice(item, items[count++]);
    ck_assert_uint_eq(count, 5);
    ck_assert(iqm_members_next(&members));
    assert_slice(members.value, "\"e\"");
    ck_assert(iqm_members_next(&members));
    assert_slice(members.value, "{\"g\": 1}");
    ck_assert(!iqm_members_next(&members));
}
END_TEST

/* In memory that ends where the text does, for the sanitizer to watch. */
static void walk(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    struct iqm_members members;
    struct iqm_slice item;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    iqm_members_open(&members, (struct iqm_slice){copy, len});
    while (iqm_members_next(&members)) {
        ck_assert_uint_le(members.name.len, len);
        struct iqm_slice rest = members.value;
        while (iqm_items_next(&rest, &item))
            ck_assert(item.len > 0 && item.ptr + item.len <= copy + len);
    }
    free(copy);
}

START_TEST(broken_text_ends_where_it_ends)
{
    static const char letters[] = "{}[]\",:\\ 1a";
    char broken[sizeof text];

    for (size_t len = 0; len < sizeof text; len++)
        walk(text, len);
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        for (const char *letter = letters; *letter != '\0'; letter++) {
            memcpy(broken, text, sizeof text);
            broken[at] = *letter;
            walk(broken, strlen(text));
            walk(broken, at + 1);
        }
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("members");
    tcase_add_test(tests, members_and_items_in_their_order);
    tcase_add_test(tests, broken_text_ends_where_it_ends);
    return run_case(tests, "contract_members");
}
