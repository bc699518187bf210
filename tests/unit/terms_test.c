/* How people are found in texts: however they are written, and never inside other words. */
#include "privacy/access/terms.h"
#include "suite.h"

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

static struct mention_terms terms_of(const char *name, const char *email, const char *telephone)
{
    struct mention_terms terms;
    json_t *person =
        json_pack("{s:s, s:s*, s:s*}", "name", name, "email", email, "telephone", telephone);

    ck_assert_int_eq(mention_terms_read(arena, person, &terms), 0);
    json_decref(person);
    return terms;
}

/* As what, and that it begins where `at` does. */
static const char *found(const struct mention_terms *terms, const char *text, const char *at)
{
    struct folded_text folded;
    size_t place;

    ck_assert_int_eq(folded_text_read(arena, text, &folded), 0);
    const char *kind = mention_terms_match(terms, &folded, &place);
    if (kind != NULL && at != NULL)
        ck_assert_ptr_eq(text + folded.offsets[place], strstr(text, at));
    return kind;
}

START_TEST(however_a_name_is_written)
{
    static const char *const texts[] = {"to Jos\u00e9 O'Nei\u00df-Garc\u00eda.",
        "to JOSE\u0301 O\u2019NEISS-GARCI\u0301A", "to jose o'neiss\u2013garcia",
        "to Jose\r\n  O`Neiss-Garcia", "to Jos\u00e9\u00a0O\u00b4Neiss-Garc\u00eda"};
    struct mention_terms terms = terms_of("Jos\u00e9 O'Nei\u00df-Garc\u00eda", NULL, NULL);

    for (size_t i = 0; i < IQM_LENGTH(texts); i++)
        ck_assert_str_eq(found(&terms, texts[i], texts[i] + 3), "name");
    ck_assert_str_eq(found(&terms, "Mr O'Neiss-Garcia", "O'"), "surname");
    ck_assert_ptr_null(found(&terms, "Jose O'Neiss", NULL));
}
END_TEST

START_TEST(never_inside_other_words)
{
    struct mention_terms terms = terms_of("Ann Lee", "ann@example.org", NULL);

    ck_assert_str_eq(found(&terms, "(Ann Lee)", "Ann"), "name");
    ck_assert_str_eq(found(&terms, "<ANN@example.org>", "ANN"), "email");
    ck_assert_ptr_null(found(&terms, "Ann Leeson, Joann Lee, Ann Lee2", NULL));
    ck_assert_ptr_null(found(&terms, "Lee", NULL)); /* a word of every text */
    ck_assert_ptr_null(found(&terms, "", NULL));
}
END_TEST

START_TEST(however_a_number_is_spaced)
{
    struct mention_terms terms = terms_of("A B", NULL, "+44 20 7946 0123");

    ck_assert_str_eq(found(&terms, "020/7946/0123", "0/7"), "telephone");
    ck_assert_str_eq(found(&terms,
                         "(020) 7946\u2013"
                         "0123!",
                         "0) 7"),
        "telephone");
    ck_assert_str_eq(found(&terms, "0207\n9460 - 123", "07\n"), "telephone");
    ck_assert_ptr_null(found(&terms, "020 7946 01234", NULL));
    ck_assert_ptr_null(found(&terms, "020 7946 and 0123", NULL));
}
END_TEST

START_TEST(other_alphabets)
{
    struct mention_terms terms = terms_of("\u0386\u03bd\u03bd\u03b1", NULL, NULL);
    const char *pattern;

    ck_assert_str_eq(found(&terms, "\u0391\u039d\u039d\u0391!", "\u0391"), "name");
    ck_assert_int_eq(mention_terms_pattern(arena, &terms, &pattern), 0);
    ck_assert_str_eq(pattern, ""); /* everywhere: each text is looked at */
}
END_TEST

START_TEST(a_pattern_takes_the_longest_word)
{
    struct mention_terms terms = terms_of("Bo Xu", "b.x@example.org", "0123 456 789");
    const char *pattern;

    ck_assert_int_eq(mention_terms_pattern(arena, &terms, &pattern), 0);
    ck_assert_ptr_nonnull(strstr(pattern, "[b\u1e03"));
    ck_assert_ptr_nonnull(strstr(pattern, "|b.{1,2}x.{1,2}example.{1,2}org|1[^0-9]{0,9}2"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {however_a_name_is_written, never_inside_other_words,
        however_a_number_is_spaced, other_alphabets, a_pattern_takes_the_longest_word};

    return suite_run("terms", set_up, tear_down, tests, IQM_LENGTH(tests));
}
