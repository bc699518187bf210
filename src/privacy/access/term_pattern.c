/*
 * A regular expression of PostgreSQL that finds at least the texts in which a person is named, in
 * small letters: what it chooses is looked at again (mention_terms_match).
 */
#include "privacy/access/terms.h"

#include "iqm/buffer.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#define RUN_MAX                                                                                    \
    24 /* letters that are asked for; a text with these will mostly have the others, too */

static bool is_plain(int32_t point)
{
    return (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9');
}

static void put_point(struct iqm_buffer *out, int32_t point)
{
    uint8_t bytes[4];
    utf8proc_ssize_t length = utf8proc_encode_char(point, bytes);

    iqm_buffer_add(out, (const char *)bytes, length > 0 ? (size_t)length : 0);
}

static bool is_marked(int32_t point, int32_t letter)
{
    int32_t parts[8];
    int boundary = 0;

    return utf8proc_category(point) == UTF8PROC_CATEGORY_LL &&
           utf8proc_decompose_char(point, parts, IQM_LENGTH(parts),
               UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK, &boundary) == 1 &&
           parts[0] == letter;
}

/* The letter with every mark it may bear, composed or not; each s of two may be a sharp one. */
static void put_letter(struct iqm_buffer *out, int32_t letter, bool is_double)
{
    iqm_buffer_text(out, "[");
    put_point(out, letter);
    for (int32_t point = 0xC0; letter > '9' && point < 0x1F00; point++) {
        if (point == 0x250)
            point = 0x1E00;
        if (is_marked(point, letter))
            put_point(out, point);
    }
    iqm_buffer_text(out, is_double && letter == 's' ? "\xC3\x9F]?" : "]");
    iqm_buffer_text(out, letter > '9' ? "[\\u0300-\\u036F]*" : "");
}

static size_t run_length(const struct mention_term *term, size_t from)
{
    size_t length = 0;

    while (
        length < RUN_MAX && from + length < term->length && is_plain(term->folded[from + length]))
        length++;
    return length;
}

/* The longest word of it, as far as its letters are Latin; nothing, which is everywhere, without.
 */
static void put_word(struct iqm_buffer *out, const struct mention_term *term)
{
    size_t best = 0, best_length = 0;

    for (size_t i = 0, length; i < term->length; i += length + 1) {
        length = run_length(term, i);
        if (length > best_length) {
            best = i;
            best_length = length;
        }
    }
    for (size_t i = best; i < best + best_length; i++) {
        bool follows = i > best && term->folded[i - 1] == term->folded[i];
        bool precedes = i + 1 < best + best_length && term->folded[i + 1] == term->folded[i];
        put_letter(out, term->folded[i], follows || precedes);
    }
}

/* As it is, where it is nothing but ASCII; an address is, mostly. */
static void put_address(struct iqm_buffer *out, const struct mention_term *term)
{
    for (size_t i = 0; i < term->length; i++) {
        if (is_plain(term->folded[i]))
            put_point(out, term->folded[i]);
        else
            iqm_buffer_text(out, ".{1,2}"); /* perhaps escaped in JSON */
    }
}

static void put_digits(struct iqm_buffer *out, const char *digits)
{
    for (const char *p = digits; *p != '\0'; p++) {
        put_point(out, *p);
        iqm_buffer_text(out, p[1] != '\0' ? "[^0-9]{0,9}" : ""); /* three, escaped in JSON */
    }
}

static void put_term(struct iqm_buffer *out, const struct mention_term *term)
{
    iqm_buffer_text(out, out->length > 0 ? "|" : "");
    if (strcmp(term->kind, "email") == 0)
        put_address(out, term);
    else
        put_word(out, term);
}

int mention_terms_pattern(
    struct iqm_arena *arena, const struct mention_terms *terms, const char **ret_pattern)
{
    IQM_CLEANUP(iqm_buffer_free) struct iqm_buffer out = {0};
    bool has_surname = false;

    for (unsigned i = 0; i < terms->count; i++)
        has_surname = has_surname || strcmp(terms->words[i].kind, "surname") == 0;
    for (unsigned i = 0; i < terms->count; i++) {
        if (!has_surname ||
            strcmp(terms->words[i].kind, "name") != 0) /* the name has the surname */
            put_term(&out, &terms->words[i]);
    }
    if (terms->digits[0] != '\0') {
        iqm_buffer_text(&out, out.length > 0 ? "|" : "");
        put_digits(&out, terms->digits);
    }
    *ret_pattern = !out.failed ? iqm_arena_copy(arena, out.bytes, out.length) : NULL;
    return *ret_pattern != NULL ? 0 : IQM_ENOMEM;
}
