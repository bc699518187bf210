/* How a person may be named, and whether a text does. */
#include "privacy/access/terms.h"

#include "iqm/text.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wctype.h>

#define FAMILY_NAME_MIN 4 /* shorter ones are words of every text */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t unicode;

/* Not the program's own locale: what is a letter does not depend on how the server was started. */
static void open_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (unicode == (locale_t)0)
        unicode = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
}

static size_t code_point(const unsigned char *p, wchar_t *ret_point)
{
    if (p[0] < 0x80) {
        *ret_point = p[0];
        return 1;
    }
    if (p[0] < 0xE0) {
        *ret_point = (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    }
    if (p[0] < 0xF0) {
        *ret_point = (p[0] & 0x0F) << 12 | (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    }
    *ret_point = (p[0] & 0x07) << 18 | (p[1] & 0x3F) << 12 | (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return 4;
}

int folded_text_read(struct iqm_arena *arena, const char *text, struct folded_text *ret_folded)
{
    size_t length = strlen(text), i = 0;
    struct folded_text folded = {.text = text, .bytes = length};

    pthread_once(&once, open_unicode);
    folded.points = iqm_arena_array(arena, length + 1, sizeof *folded.points);
    folded.offsets = iqm_arena_array(arena, length + 1, sizeof *folded.offsets);
    if (folded.points == NULL || folded.offsets == NULL)
        return IQM_ENOMEM;
    while (i < length) {
        wchar_t point;
        folded.offsets[folded.length] = i;
        i += code_point((const unsigned char *)text + i, &point);
        folded.points[folded.length++] = (wchar_t)towlower_l((wint_t)point, unicode);
    }
    folded.offsets[folded.length] = length;
    *ret_folded = folded;
    return 0;
}

static bool is_of_word(const struct folded_text *text, size_t place)
{
    return place < text->length && iswalnum_l((wint_t)text->points[place], unicode) != 0;
}

/* As a whole word, or whole words. Where it begins; text->length: nowhere. */
static size_t find_words(const struct folded_text *text, const struct mention_term *term)
{
    for (size_t i = 0; i + term->length <= text->length; i++) {
        if (wmemcmp(text->points + i, term->folded, term->length) == 0 &&
            !(i > 0 && is_of_word(text, i - 1)) && !is_of_word(text, i + term->length))
            return i;
    }
    return text->length;
}

static bool is_digit(wchar_t point)
{
    return point >= L'0' && point <= L'9';
}

static bool may_part_digits(wchar_t point)
{
    return point == L' ' || point == L'-' || point == L'.' || point == L'(' || point == L')';
}

/* The digits one after the other, however they are spaced. */
static bool has_digits_at(const struct folded_text *text, size_t place, const char *digits)
{
    for (; *digits != '\0'; place++) {
        if (place >= text->length)
            return false;
        if (text->points[place] == (wchar_t)*digits)
            digits++;
        else if (!may_part_digits(text->points[place]))
            return false;
    }
    return !(place < text->length && is_digit(text->points[place]));
}

static size_t find_digits(const struct folded_text *text, const char *digits)
{
    for (size_t i = 0; *digits != '\0' && i < text->length; i++) {
        if (is_digit(text->points[i]) && has_digits_at(text, i, digits))
            return i;
    }
    return text->length;
}

const char *mention_terms_match(
    const struct mention_terms *terms, const struct folded_text *text, size_t *ret_place)
{
    for (unsigned i = 0; i < terms->count; i++) {
        *ret_place = find_words(text, &terms->words[i]);
        if (*ret_place < text->length)
            return terms->words[i].kind;
    }
    *ret_place = find_digits(text, terms->digits);
    return *ret_place < text->length ? "telephone" : NULL;
}

/* ---- reading them ---- */

static int add_term(
    struct iqm_arena *arena, struct mention_terms *terms, const char *kind, const char *text)
{
    struct folded_text folded;

    if (text == NULL || *text == '\0')
        return 0;
    const char *copy = iqm_arena_string(arena, text);
    if (copy == NULL || folded_text_read(arena, copy, &folded) != 0)
        return IQM_ENOMEM;
    terms->words[terms->count++] = (struct mention_term){kind, copy, folded.points, folded.length};
    return 0;
}

/* The last word of a name that has several. */
static const char *family_name(const char *name)
{
    const char *space = name != NULL ? strrchr(name, ' ') : NULL;

    return space != NULL && iqm_text_length(space + 1, strlen(space + 1)) >= FAMILY_NAME_MIN
               ? space + 1
               : NULL;
}

static void read_digits(struct mention_terms *terms, const char *telephone)
{
    char all[64];
    size_t count = 0;

    for (const char *p = telephone; p != NULL && *p != '\0' && count < sizeof all; p++) {
        if (*p >= '0' && *p <= '9')
            all[count++] = *p;
    }
    if (count >= MENTION_DIGITS)
        memcpy(terms->digits, all + count - MENTION_DIGITS, MENTION_DIGITS);
}

int mention_terms_read(
    struct iqm_arena *arena, const json_t *person, struct mention_terms *ret_terms)
{
    const char *name = json_string_value(json_object_get(person, "name"));
    struct mention_terms terms = {.count = 0};

    if (add_term(arena, &terms, "name", name) != 0 ||
        add_term(arena, &terms, "surname", family_name(name)) != 0 ||
        add_term(arena, &terms, "email", json_string_value(json_object_get(person, "email"))) != 0)
        return IQM_ENOMEM;
    read_digits(&terms, json_string_value(json_object_get(person, "telephone")));
    *ret_terms = terms;
    return 0;
}
