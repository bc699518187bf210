/* The text helpers behind iqm/text.h. Nothing here may allocate outside the arena. */
#include "iqm/text.h"

#include <string.h>

/* The length of the code point that starts at `text`, 0 when it is not well-formed. */
static size_t code_point_len(const unsigned char *text, size_t len)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return first == 0 ? 0 : 1;
    size_t wanted = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || len < wanted)
        return 0;
    /* The second byte alone tells overlong forms, surrogates and what lies beyond U+10FFFF. */
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < wanted; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return wanted;
}

bool iqm_text_is_utf8(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        size_t step = code_point_len(bytes + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

size_t iqm_text_length(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* The bytes of the white space that starts at `text`, 0 when there is none. */
static size_t white_space_len(const char *text, size_t len)
{
    static const char *const wide[] = {"\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9",
        "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF"};

    if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'))
        return 1;
    for (size_t i = 0; i < IQM_LENGTH(wide); i++) {
        size_t step = strlen(wide[i]);
        if (step <= len && memcmp(text, wide[i], step) == 0)
            return step;
    }
    /* U+2000 to U+200A */
    bool is_spacing = len >= 3 && memcmp(text, "\xE2\x80", 2) == 0 &&
                      (unsigned char)text[2] >= 0x80 && (unsigned char)text[2] <= 0x8A;
    return is_spacing ? 3 : 0;
}

size_t iqm_text_words(const char *text, size_t len)
{
    size_t count = 0;
    bool inside = false;

    for (size_t i = 0; i < len;) {
        size_t step = white_space_len(text + i, len - i);
        count += step == 0 && !inside;
        inside = step == 0;
        i += step == 0 ? 1 : step;
    }
    return count;
}

size_t iqm_text_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Decodes into `out`, which has room for text.len bytes; false for a broken escape. */
static bool decode(struct iqm_slice text, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '%') {
            if (text.len - i < 3)
                return false;
            int high = hex_value(text.ptr[i + 1]);
            int low = hex_value(text.ptr[i + 2]);
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        }
        out[len++] = byte;
    }
    *ret_len = len;
    return true;
}

int iqm_text_percent_decode(
    struct iqm_slice text, struct iqm_arena *arena, struct iqm_slice *ret_decoded)
{
    if (text.len == SIZE_MAX)
        return IQM_ENOMEM;
    char *out = iqm_arena_alloc(arena, text.len + 1);
    if (out == NULL)
        return IQM_ENOMEM;
    size_t len = 0;
    if (!decode(text, out, &len) || !iqm_text_is_utf8(out, len))
        return IQM_EINVAL;
    *ret_decoded = (struct iqm_slice){out, len};
    return 0;
}
