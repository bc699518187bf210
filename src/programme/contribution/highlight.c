/* Highlights, without PostgreSQL's ts_headline, which stems every word of every text anew. So a
 * word is marked by how it begins and ends: nearly always those that match. Knows no request. */
#include "programme/contribution/highlight.h"

#include "iqm/text.h"
#include "programme/contribution/document_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* From this length on, words that begin like a stem have it, whatever follows; within reason. */
#define LONG_STEM 5
#define LONG_ENDING 8
/* How much is shown before the first marked word, bytes. */
#define SHOWN_BEFORE 80

/* The end of what stands in quotes or in parentheses from here. */
static const char *skip(const char *p)
{
    int depth = 0;
    bool quoted = false;

    for (; *p != '\0'; p++) {
        if (*p == '\'')
            quoted = !quoted;
        else if (!quoted && *p == '(')
            depth++;
        else if (!quoted && *p == ')')
            depth--;
        if (!quoted && depth <= 0)
            return p + 1;
    }
    return p;
}

void highlight_read(const char *query, struct highlight *ret_highlight)
{
    const char *p = query;

    ret_highlight->count = 0;
    while (*p != '\0' && ret_highlight->count < HIGHLIGHT_STEMS_MAX) {
        if (*p == '!') {
            p = skip(p + 1);
        } else if (*p == '\'') {
            const char *end = skip(p);
            if (end - p > 2)
                ret_highlight->stems[ret_highlight->count++] =
                    (struct iqm_slice){p + 1, (size_t)(end - p) - 2};
            p = end;
        } else {
            p++;
        }
    }
}

static size_t code_point(const char *p)
{
    unsigned char c = (unsigned char)*p;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Letters and digits; beyond ASCII all but Latin-1's signs and U+2000 to U+207F, punctuation. */
static bool in_word(const char *p)
{
    unsigned char c = (unsigned char)*p;

    if (c < 0x80)
        return isalnum(c) != 0;
    return c != 0xc2 && !(c == 0xe2 && ((unsigned char)p[1] & 0xfe) == 0x80);
}

static size_t word_length(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && in_word(text + i))
        i += code_point(text + i);
    return i;
}

/* `shortened`: the stem's own last vowel was taken away. */
static bool is_ending(const char *rest, size_t length, bool shortened)
{
    static const char *const endings[] = {"", "s", "es", "d", "ed", "ing", "ings", "er", "ers",
        "ly", "able", "e", "i", "y", "ies", "ied", "ily", "ying"};
    const size_t plain = 12;

    for (size_t i = 0; i < (shortened ? IQM_LENGTH(endings) : plain); i++) {
        if (strlen(endings[i]) == length && strncasecmp(rest, endings[i], length) == 0)
            return true;
    }
    return false;
}

/* Stems lose or change a last vowel (shar-e, stud-i), and words double a consonant (plan-ning). */
static bool has_stem(const char *word, size_t length, struct iqm_slice stem)
{
    size_t base = stem.len;

    if (base > 3 && strchr("eiy", stem.ptr[base - 1]) != NULL)
        base--;
    if (base == 0 || length < base || strncasecmp(word, stem.ptr, base) != 0)
        return false;
    const char *rest = word + base;
    length -= base;
    if (base >= LONG_STEM)
        return length <= LONG_ENDING;
    return is_ending(rest, length, base < stem.len) ||
           (length > 2 && rest[0] == rest[-1] && is_ending(rest + 1, length - 1, false));
}

static bool is_marked(const struct highlight *highlight, const char *word, size_t length)
{
    for (size_t i = 0; i < highlight->count; i++) {
        if (has_stem(word, length, highlight->stems[i]))
            return true;
    }
    return false;
}

/* Where the first marked word begins; the text's length when there is none. */
static size_t find_marked(const struct highlight *highlight, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t word = word_length(text + i, length - i);
        if (word > 0 && is_marked(highlight, text + i, word))
            return i;
        i += word > 0 ? word : code_point(text + i);
    }
    return length;
}

struct writer {
    char *text;
    size_t length;
};

static void put(struct writer *writer, const char *string)
{
    size_t length = strlen(string);

    memcpy(writer->text + writer->length, string, length);
    writer->length += length;
}

static void put_byte(struct writer *writer, char c)
{
    switch (c) {
    case '&':
        put(writer, "&amp;");
        break;
    case '<':
        put(writer, "&lt;");
        break;
    case '>':
        put(writer, "&gt;");
        break;
    case '"':
        put(writer, "&quot;");
        break;
    case '\'':
        put(writer, "&#39;");
        break;
    case '\\':
        put(writer, "\\\\");
        break;
    default:
        writer->text[writer->length++] = (unsigned char)c < ' ' ? ' ' : c;
    }
}

static void put_bytes(struct writer *writer, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put_byte(writer, bytes[i]);
}

/* The part to show: whole words where there are spaces, whole code points anyway. */
static struct iqm_slice choose_part(const char *text, size_t length, size_t marked)
{
    size_t from = marked < length && marked > SHOWN_BEFORE ? marked - SHOWN_BEFORE : 0;

    if (from > 0) {
        const char *space = memchr(text + from, ' ', marked - from);
        from = space != NULL ? (size_t)(space - text) + 1 : marked;
    }
    size_t shown = iqm_text_cut(text + from, length - from, HIGHLIGHT_SHOWN);
    if (from + shown < length) {
        const char *space = memrchr(text + from, ' ', shown);
        if (space != NULL && (marked >= length || space > text + marked))
            shown = (size_t)(space - text) - from;
    }
    return (struct iqm_slice){text + from, shown};
}

static void put_part(
    struct writer *writer, const struct highlight *highlight, struct iqm_slice part)
{
    for (size_t i = 0; i < part.len;) {
        size_t word = word_length(part.ptr + i, part.len - i);
        bool marked = word > 0 && is_marked(highlight, part.ptr + i, word);
        if (word == 0)
            word = code_point(part.ptr + i);
        if (marked)
            put(writer, "<mark>");
        put_bytes(writer, part.ptr + i, word);
        if (marked)
            put(writer, "</mark>");
        i += word;
    }
}

/* The member with the first marked word, else the description. */
static struct iqm_slice choose_member(const struct highlight *highlight, struct iqm_slice document,
    struct iqm_arena *arena, size_t *ret_marked)
{
    static const char *const members[] = {"description", "impact", "title"};
    struct iqm_slice first = {"", 0};

    for (size_t i = 0; i < IQM_LENGTH(members); i++) {
        struct iqm_slice text = document_text(document, members[i], arena);
        if (text.ptr == NULL)
            continue;
        *ret_marked = find_marked(highlight, text.ptr, text.len);
        if (*ret_marked < text.len)
            return text;
        if (i == 0)
            first = text;
    }
    *ret_marked = first.len;
    return first;
}

size_t highlight_write(const struct highlight *highlight, struct iqm_slice document,
    struct iqm_arena *arena, char ret_text[static HIGHLIGHT_TEXT])
{
    struct writer writer = {.text = ret_text};
    size_t marked = 0;
    struct iqm_slice text = choose_member(highlight, document, arena, &marked);
    struct iqm_slice part = choose_part(text.ptr, text.len, marked);

    if (part.ptr > text.ptr)
        put(&writer, "… ");
    put_part(&writer, highlight, part);
    if (part.ptr + part.len < text.ptr + text.len)
        put(&writer, " …");
    ret_text[writer.length] = '\0';
    return writer.length;
}
