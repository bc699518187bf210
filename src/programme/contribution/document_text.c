/* One text of a stored document: a search shows a part of each, and parsing them whole would be
 * most of its work. Knows no request. */
#include "programme/contribution/document_text.h"

#include <stdlib.h>
#include <string.h>

/* At the quote that ends a string whose text begins here; at the end where there is none. */
static const char *string_end(const char *p, const char *end)
{
    while (p < end && *p != '"')
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    return p;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* The text as it stands between its quotes, escapes and all. At a depth of one, what a colon
 * follows is a name. */
static struct iqm_slice find_member(struct iqm_slice document, const char *name)
{
    const char *end = document.ptr + document.len;
    struct iqm_slice none = {0};
    int depth = 0;

    for (const char *p = document.ptr; p < end; p++) {
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        if (*p != '"')
            continue;
        struct iqm_slice text = {p + 1, (size_t)(string_end(p + 1, end) - p) - 1};
        p = text.ptr + text.len;
        const char *next = p < end ? skip_spaces(p + 1, end) : end;
        if (depth != 1 || next == end || *next != ':' || !iqm_slice_equal_string(text, name))
            continue;
        next = skip_spaces(next + 1, end);
        if (next == end || *next != '"')
            return none;
        return (struct iqm_slice){next + 1, (size_t)(string_end(next + 1, end) - next) - 1};
    }
    return none;
}

static unsigned long hex4(const char *digits)
{
    char text[5] = "";

    memcpy(text, digits, 4);
    return strtoul(text, NULL, 16);
}

static char *put_code_point(char *out, unsigned long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        if (c >= 0x10000)
            *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Of \uXXXX, both halves of a pair at once. `*p` is behind the u and then behind it all. */
static char *put_unicode(char *out, const char **p, const char *end)
{
    if (end - *p < 4) {
        *p = end;
        return out;
    }
    unsigned long c = hex4(*p);
    *p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6) {
        c = 0x10000 + ((c & 0x3ff) << 10) + (hex4(*p + 2) & 0x3ff);
        *p += 6;
    }
    return put_code_point(out, c);
}

/* What no escape makes longer than it was. */
static size_t unescape(struct iqm_slice text, char *ret_text)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *end = text.ptr + text.len;
    char *out = ret_text;

    for (const char *p = text.ptr; p < end;) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((next != NULL ? next : end) - p);
        out = (char *)mempcpy(out, p, plain);
        p += plain + 2;
        if (p > end)
            break;
        const char *known = p[-1] != '\0' ? strchr(escapes, p[-1]) : NULL;
        if (known != NULL)
            *out++ = meant[known - escapes];
        else
            out = put_unicode(out, &p, end);
    }
    return (size_t)(out - ret_text);
}

struct iqm_slice document_text(struct iqm_slice document, const char *name, struct iqm_arena *arena)
{
    struct iqm_slice text = find_member(document, name);

    if (text.ptr == NULL || memchr(text.ptr, '\\', text.len) == NULL)
        return text;
    char *bytes = iqm_arena_bytes(arena, text.len);
    if (bytes == NULL)
        return (struct iqm_slice){0};
    return (struct iqm_slice){bytes, unescape(text, bytes)};
}
