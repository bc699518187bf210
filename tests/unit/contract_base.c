/* The ground the contract stands on: arena, slices, text. */
#include "contract_support.h"
#include "iqm/arena.h"
#include "iqm/text.h"

#include <stdint.h>
#include <string.h>

START_TEST(arena_gives_zeroed_aligned_memory)
{
    struct iqm_arena *arena = iqm_arena_new((size_t)1 << 20);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = iqm_arena_alloc(arena, size);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
        bool is_zeroed = true;
        for (size_t i = 0; i < size; i++)
            is_zeroed = is_zeroed && memory[i] == 0;
        ck_assert(is_zeroed);
        memset(memory, 0xAA, size);
    }
    iqm_arena_freep(&arena);
    ck_assert_ptr_null(arena);
    iqm_arena_free(NULL);
}
END_TEST

START_TEST(arena_keeps_its_limit)
{
    struct iqm_arena *arena = iqm_arena_new(100);
    ck_assert_ptr_null(iqm_arena_alloc(arena, 101));
    ck_assert_ptr_nonnull(iqm_arena_alloc(arena, 90));
    ck_assert_ptr_null(iqm_arena_alloc(arena, 20));
    ck_assert_ptr_null(iqm_arena_alloc(arena, SIZE_MAX));
    ck_assert_ptr_null(iqm_arena_copy(arena, "", SIZE_MAX));
    ck_assert_ptr_null(iqm_arena_array(arena, SIZE_MAX / 2, 3));
    iqm_arena_free(arena);
}
END_TEST

START_TEST(arena_makes_strings)
{
    struct iqm_arena *arena = iqm_arena_new(100000);
    char *large = iqm_arena_alloc(arena, 50000);
    char *copy = iqm_arena_copy(arena, "abcdef", 3);
    memset(large, 'x', 50000);
    ck_assert_str_eq(copy, "abc");
    ck_assert_str_eq(iqm_arena_string(arena, ""), "");
    ck_assert_str_eq(iqm_arena_printf(arena, "%s-%d", "a", 7), "a-7");
    ck_assert_ptr_null(iqm_arena_printf(arena, "%90000d", 7));
    iqm_arena_free(arena);
}
END_TEST

START_TEST(slices_compare)
{
    ck_assert(iqm_slice_equal_string(IQM_SLICE("abc"), "abc"));
    ck_assert(!iqm_slice_equal_string(IQM_SLICE("abc"), "abcd"));
    ck_assert(iqm_slice_equal((struct iqm_slice){NULL, 0}, IQM_SLICE("")));
    ck_assert(!iqm_slice_equal(IQM_SLICE("a\0b"), IQM_SLICE("a\0c")));
}
END_TEST

START_TEST(text_counts_and_cuts_code_points)
{
    ck_assert_uint_eq(iqm_text_length("aé€😀", 10), 4);
    ck_assert_uint_eq(iqm_text_cut("aé", 3, 2), 1);
    ck_assert_uint_eq(iqm_text_cut("aé", 3, 3), 3);
    ck_assert_uint_eq(iqm_text_cut("é", 2, 0), 0);
}
END_TEST

START_TEST(text_knows_utf8)
{
    static const char *const bad[] = {"\x80", "\xC1\x81", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"};
    static const char *const good[] = {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_msg(!iqm_text_is_utf8(bad[i], strlen(bad[i])), "bad %zu", i);
    for (size_t i = 0; i < IQM_LENGTH(good); i++)
        ck_assert_msg(iqm_text_is_utf8(good[i], strlen(good[i])), "good %zu", i);
    ck_assert(!iqm_text_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(words_are_counted_as_a_page_counts_them)
{
    static const struct {
        struct iqm_slice text;
        size_t words;
    } cases[] = {{IQM_SLICE(""), 0}, {IQM_SLICE(" \t\n\v\f\r"), 0}, {IQM_SLICE("one"), 1},
        {IQM_SLICE(" two  words "), 2}, {IQM_SLICE("well-known don't e.g. 3.5"), 4},
        {IQM_SLICE("a\xC2\xA0"
                   "b"),
            2},
        {IQM_SLICE("a\xE2\x80\x83"
                   "b\xE3\x80\x80"
                   "c"),
            3},
        {IQM_SLICE("a\xE2\x80\x8B"
                   "b"),
            1},
        {IQM_SLICE("a\xEF\xBB\xBF"), 1}, {IQM_SLICE("\xC3\xA9t\xC3\xA9 - fin"), 3}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_uint_eq(iqm_text_words(cases[i].text.ptr, cases[i].text.len), cases[i].words);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("base");
    tcase_add_test(tests, arena_gives_zeroed_aligned_memory);
    tcase_add_test(tests, arena_keeps_its_limit);
    tcase_add_test(tests, arena_makes_strings);
    tcase_add_test(tests, slices_compare);
    tcase_add_test(tests, text_counts_and_cuts_code_points);
    tcase_add_test(tests, text_knows_utf8);
    tcase_add_test(tests, words_are_counted_as_a_page_counts_them);
    return run_case(tests, "contract_base");
}
