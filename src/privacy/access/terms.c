/* How a person may be named, and whether a text does. */
#include "privacy/access/terms.h"

#include "iqm/text.h"

#include <string.h>
#include <utf8proc.h>

#define FAMILY_NAME_MIN 4 /* shorter ones are words of every text */
#define APART_MAX 3       /* characters between two digits of a number */

/* What is typed in several ways, as one: spaces and line ends, dashes, apostrophes. 0: nothing
 * such. */
static int32_t plain_form(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        return ' ';
    case UTF8PROC_CATEGORY_PD:
        return '-';
    default:
        break;
    }
    return point == 0x2018 || point == 0x2019 || point == 0x02BC || point == 0xB4 || point == '`'
               ? '\''
               : 0;
}

/* Without its marks and in small letters (Unicode Standard, 3.13 and 5.18), so that composed,
 * decomposed and left out are the same. */
static void fold(struct folded_text *folded, int32_t point, size_t offset, size_t room)
{
    int32_t parts[8] = {plain_form(point)};
    utf8proc_ssize_t count = 1;
    int boundary = 0;

    if (parts[0] == 0)
        count = utf8proc_decompose_char(point, parts, IQM_LENGTH(parts),
            UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE,
            &boundary);
    if (parts[0] == ' ' && folded->length > 0 && folded->points[folded->length - 1] == ' ')
        return;
    for (utf8proc_ssize_t i = 0; i < count && i < 8 && folded->length < room; i++) {
        folded->offsets[folded->length] = offset;
        folded->points[folded->length++] = parts[i];
    }
}

int folded_text_read(struct iqm_arena *arena, const char *text, struct folded_text *ret_folded)
{
    size_t bytes = strlen(text);
    struct folded_text folded = {.text = text, .bytes = bytes};
    int32_t point;

    folded.points = iqm_arena_array(arena, bytes + 1, sizeof *folded.points);
    folded.offsets = iqm_arena_array(arena, bytes + 1, sizeof *folded.offsets);
    if (folded.points == NULL || folded.offsets == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < bytes;) {
        utf8proc_ssize_t length =
            utf8proc_iterate((const uint8_t *)text + i, (utf8proc_ssize_t)(bytes - i), &point);
        if (length <= 0)
            break;
        fold(&folded, point, i, bytes);
        i += (size_t)length;
    }
    folded.offsets[folded.length] = bytes;
    *ret_folded = folded;
    return 0;
}

static bool is_of_word(const struct folded_text *text, size_t place)
{
    return place < text->length && utf8proc_category(text->points[place]) >= UTF8PROC_CATEGORY_LU &&
           utf8proc_category(text->points[place]) <= UTF8PROC_CATEGORY_NO;
}

/* As a whole word, or whole words. Where it begins; text->length: nowhere. */
static size_t find_words(const struct folded_text *text, const struct mention_term *term)
{
    size_t size = term->length * sizeof *term->folded;

    for (size_t i = 0; term->length > 0 && i + term->length <= text->length; i++) {
        if (memcmp(text->points + i, term->folded, size) == 0 &&
            !(i > 0 && is_of_word(text, i - 1)) && !is_of_word(text, i + term->length))
            return i;
    }
    return text->length;
}

static bool is_digit(int32_t point)
{
    return point >= '0' && point <= '9';
}

/* The digits one after the other, however they are parted. */
static bool has_digits_at(const struct folded_text *text, size_t place, const char *digits)
{
    for (unsigned apart = 0; *digits != '\0'; place++) {
        if (place >= text->length)
            return false;
        if (text->points[place] == *digits) {
            digits++;
            apart = 0;
        } else if (is_of_word(text, place) || ++apart > APART_MAX) {
            return false;
        }
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

    if (text == NULL)
        return 0;
    const char *copy = iqm_arena_string(arena, text);
    if (copy == NULL || folded_text_read(arena, copy, &folded) != 0)
        return IQM_ENOMEM;
    if (folded.length > 0)
        terms->words[terms->count++] = (struct mention_term){kind, folded.points, folded.length};
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
