/* Highlights: which words are marked, which part is shown, and that nothing of the text is HTML. */
#include "programme/contribution/document_text.h"
#include "programme/contribution/highlight.h"
#include "suite.h"

#include <jansson.h>
#include <string.h>

static char shown[HIGHLIGHT_TEXT];

static const char *highlighted(const char *query, const char *description, const char *impact)
{
    struct highlight highlight;
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 20);
    json_t *document = json_pack(
        "{s:s, s:s, s:s?}", "title", "The title", "description", description, "impact", impact);
    IQM_CLEANUP(iqm_free_pointer) char *text = json_dumps(document, JSON_COMPACT);

    json_decref(document);
    highlight_read(query, &highlight);
    struct iqm_slice bytes = {text, strlen(text)};
    size_t length = highlight_write(&highlight, bytes, arena, shown);
    ck_assert_uint_eq(length, strlen(shown));
    return shown;
}

START_TEST(words_of_the_same_stem_are_marked)
{
    static const struct {
        const char *query, *word;
    } marked[] = {{"'read'", "Reading"}, {"'share'", "sharing"}, {"'share'", "shared"},
        {"'plan'", "planning"}, {"'studi'", "study"}, {"'studi'", "studies"},
        {"'class'", "classes"}, {"'inclus'", "inclusive"}, {"'communiti'", "Community"},
        {"'2025'", "2025"}, {"'happi'", "happy"}, {"'happi'", "happily"},
        {"'caf\u00e9'", "caf\u00e9"}};

    for (size_t i = 0; i < IQM_LENGTH(marked); i++) {
        char text[100];
        snprintf(text, sizeof text, "<mark>%s</mark>", marked[i].word);
        ck_assert_str_eq(highlighted(marked[i].query, marked[i].word, NULL), text);
    }
}
END_TEST

START_TEST(other_words_are_not)
{
    ck_assert_str_eq(highlighted("'read'", "bread spreads ready", NULL), "bread spreads ready");
    ck_assert_str_eq(highlighted("'share'", "sharp shark", NULL), "sharp shark");
    ck_assert_str_eq(highlighted("'plan'", "planet plant", NULL), "planet plant");
    ck_assert_str_eq(highlighted("'cat'", "category", NULL), "category");
}
END_TEST

START_TEST(excluded_words_are_not)
{
    ck_assert_str_eq(
        highlighted("'read' & !'noise'", "reading noise", NULL), "<mark>reading</mark> noise");
    ck_assert_str_eq(highlighted("!( 'quiet' <-> 'room' ) & 'noise'", "A quiet room: noise", NULL),
        "A quiet room: <mark>noise</mark>");
    ck_assert_str_eq(highlighted("'quiet' <-> 'room' | 'calm'", "A quiet room, calm", NULL),
        "A <mark>quiet</mark> <mark>room</mark>, <mark>calm</mark>");
}
END_TEST

START_TEST(queries_of_any_form_are_read)
{
    static const char *const odd[] = {"", "''", "'", "!", "!(", "!('a'", "'a", "!!'a'", ")('b'"};

    for (size_t i = 0; i < IQM_LENGTH(odd); i++)
        highlighted(odd[i], "A text", NULL);
    ck_assert_str_eq(highlighted("'o''neill' & 'calm'", "calm", NULL), "<mark>calm</mark>");
}
END_TEST

START_TEST(marks_survive_punctuation)
{
    ck_assert_str_eq(highlighted("'calm'", "(calm) \u201ccalm\u201d, calm-down\u2014calm!", NULL),
        "(<mark>calm</mark>) \u201c<mark>calm</mark>\u201d, <mark>calm</mark>-down\u2014"
        "<mark>calm</mark>!");
}
END_TEST

START_TEST(text_is_no_html)
{
    ck_assert_str_eq(highlighted("'x'", "<b> & \"it's\" \\ \t\n", NULL),
        "&lt;b&gt; &amp; &quot;it&#39;s&quot; \\\\   ");
}
END_TEST

START_TEST(the_member_with_a_match_is_shown)
{
    ck_assert_str_eq(highlighted("'titl'", "Text", "More"), "The <mark>title</mark>");
    ck_assert_str_eq(highlighted("'more'", "Text", "More"), "<mark>More</mark>");
    ck_assert_str_eq(highlighted("'none'", "Text", "More"), "Text");
    ck_assert_str_eq(highlighted("'none'", "", NULL), "");
}
END_TEST

START_TEST(a_long_text_is_cut_between_words)
{
    char text[3000] = "";

    for (int i = 0; i < 100; i++)
        strcat(text, "ruhig ");
    strcat(text, "calm");
    for (int i = 0; i < 100; i++)
        strcat(text, " still");
    highlighted("'calm'", text, NULL);
    ck_assert(strncmp(shown, "… ruhig ", strlen("… ruhig ")) == 0);
    ck_assert(strstr(shown, "ruhig <mark>calm</mark> still") != NULL);
    ck_assert_str_eq(shown + strlen(shown) - strlen(" still …"), " still …");
    ck_assert_uint_le(strlen(shown), HIGHLIGHT_SHOWN + strlen("… <mark></mark> …"));
}
END_TEST

START_TEST(a_text_without_spaces_is_cut_between_characters)
{
    char text[4000] = "";

    for (int i = 0; i < 900; i++)
        strcat(text, "\u20ac");
    highlighted("'calm'", text, NULL);
    ck_assert_uint_eq(strlen(shown), HIGHLIGHT_SHOWN + strlen(" …"));
}
END_TEST

START_TEST(the_longest_highlight_fits)
{
    char text[1001] = "";

    for (int i = 0; i < 500; i++)
        strcat(text, "a\"");
    highlighted("'a'", text, NULL);
    ck_assert_uint_lt(strlen(shown), HIGHLIGHT_TEXT);
    ck_assert_ptr_nonnull(strstr(shown, "<mark>a</mark>&quot;"));
}
END_TEST

/* What jansson reads is what we find, however it is written and wherever it stands. */
START_TEST(a_text_is_found_as_it_was_meant)
{
    static const char *const texts[] = {"{\"description\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
        "{ \"a\" : {\"description\": \"inner\"}, \"b\":[\"description\"], \"description\" : \"x\" "
        "}",
        "{\"title\":\"description\",\"description\":\"\\u20ac \\u00e9 \\u0041 \\ud83d\\ude00 "
        "\\\\u0041\"}",
        "{\"impact\":\"\\\\\",\"description\":\"\\\"\"}", "{\"description\":\"\"}",
        "{\"description\":null}", "{\"description\":{\"description\":\"no\"}}", "{}"};

    for (size_t i = 0; i < IQM_LENGTH(texts); i++) {
        IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 16);
        json_t *document = json_loads(texts[i], 0, NULL);
        const char *meant = json_string_value(json_object_get(document, "description"));
        struct iqm_slice bytes = {texts[i], strlen(texts[i])};
        struct iqm_slice found = document_text(bytes, "description", arena);

        ck_assert_ptr_nonnull(document);
        ck_assert_int_eq(meant == NULL, found.ptr == NULL);
        ck_assert(meant == NULL || iqm_slice_equal_string(found, meant));
        json_decref(document);
    }
}
END_TEST

/* The storage holds none of these; nothing is read beyond their end. */
START_TEST(broken_documents_do_no_harm)
{
    static const char whole[] = "{\"title\":\"a\\u12\",\"description\":\"\\ud83d\\u00\\\"x\\\\\"}";

    for (size_t length = 0; length < sizeof whole; length++) {
        IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 16);
        IQM_CLEANUP(iqm_free_pointer) char *cut = malloc(length + 1);

        memcpy(cut, whole, length);
        for (int i = 0; i < 2; i++)
            document_text((struct iqm_slice){cut, length}, i == 0 ? "title" : "description", arena);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_text_is_found_as_it_was_meant, broken_documents_do_no_harm,
        words_of_the_same_stem_are_marked, other_words_are_not, excluded_words_are_not,
        queries_of_any_form_are_read, marks_survive_punctuation, text_is_no_html,
        the_member_with_a_match_is_shown, a_long_text_is_cut_between_words,
        a_text_without_spaces_is_cut_between_characters, the_longest_highlight_fits};

    return suite_run("highlight", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
