/* Cursors: what is written comes back, and nothing else is taken for one. */
#include "iqm/resource.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct iqm_arena *arena;

static void set_up(void)
{
    arena = iqm_arena_new(1 << 20);
}

static void tear_down(void)
{
    iqm_arena_free(arena);
}

static const char id[] = "0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f";

static char *written(uint8_t sort, uint64_t filters, const char *key)
{
    struct iqm_cursor cursor = {.sort = sort, .filters = filters, .key = key};

    memcpy(cursor.id, id, sizeof id);
    return iqm_cursor_write(arena, &cursor);
}

static int read_text(const char *text, struct iqm_cursor *ret_cursor)
{
    return iqm_cursor_read(arena, (struct iqm_slice){text, strlen(text)}, ret_cursor);
}

START_TEST(comes_back_as_it_was)
{
    struct iqm_cursor cursor;
    const char *text = written(3, 0x0123456789abcdefU, "Ysgol Gyfun Gŵyr");

    ck_assert_int_eq(read_text(text, &cursor), 0);
    ck_assert_uint_eq(cursor.sort, 3);
    ck_assert(cursor.filters == 0x0123456789abcdefU);
    ck_assert_str_eq(cursor.id, id);
    ck_assert_str_eq(cursor.key, "Ysgol Gyfun Gŵyr");
}
END_TEST

START_TEST(empty_key_comes_back)
{
    struct iqm_cursor cursor;

    ck_assert_int_eq(read_text(written(0, 0, ""), &cursor), 0);
    ck_assert_str_eq(cursor.key, "");
}
END_TEST

START_TEST(longest_key_fits_the_contract)
{
    char key[IQM_CURSOR_KEY_MAX + 2];
    struct iqm_cursor cursor;

    memset(key, 'a', sizeof key);
    key[IQM_CURSOR_KEY_MAX] = '\0';
    const char *text = written(1, 1, key);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_le(strlen(text), 1200);
    ck_assert_int_eq(read_text(text, &cursor), 0);
    ck_assert_str_eq(cursor.key, key);
    key[IQM_CURSOR_KEY_MAX] = 'a';
    key[IQM_CURSOR_KEY_MAX + 1] = '\0';
    ck_assert_ptr_null(written(1, 1, key));
}
END_TEST

START_TEST(other_text_is_refused)
{
    static const char *const texts[] = {"", "a", "!!!!", "AAAA", "AQAAAAAAAAAAAA",
        "AgAAAAAAAAAAADAxOTBiNmEyLTdjMWUtN2QzYS05ZjAwLTFhMmIzYzRkNWU2Zg"};
    struct iqm_cursor cursor;

    for (size_t i = 0; i < IQM_LENGTH(texts); i++)
        ck_assert_int_eq(read_text(texts[i], &cursor), IQM_EINVAL);
}
END_TEST

START_TEST(a_changed_id_is_refused)
{
    char *text = written(0, 0, "");
    struct iqm_cursor cursor;

    text[20] = text[20] == 'z' ? 'y' : 'z';
    text[21] = 'z';
    ck_assert_int_eq(read_text(text, &cursor), IQM_EINVAL);
}
END_TEST

START_TEST(a_key_that_is_no_text_is_refused)
{
    struct iqm_cursor cursor;

    ck_assert_int_eq(read_text(written(1, 0, "\xff\xfe"), &cursor), IQM_EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {comes_back_as_it_was, empty_key_comes_back,
        longest_key_fits_the_contract, other_text_is_refused, a_changed_id_is_refused,
        a_key_that_is_no_text_is_refused};

    return suite_run("cursor", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
