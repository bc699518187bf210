/* Encodings of mail: what leaves here is printable ASCII in short lines, whatever comes in. */
#include "encode.h"

#include "iqm/text.h"

#include <sodium.h>
#include <string.h>

#define PLAIN_NAME_MAX 64 /* bytes: with a longer one the line would be too long */
#define WORD_BYTES 45     /* in an encoded word of at most 75 characters: "=?UTF-8?B?" … "?=" */
#define WORD_TEXT 61
#define LINE_MAX_CHARACTERS 76

static bool is_printable(char c)
{
    return c >= 0x20 && c < 0x7f;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* What looks like an encoded word is decoded by many, between quotes too. */
static bool is_plain_name(const char *name)
{
    size_t length = 0;

    while (name[length] != '\0' && (unsigned char)name[length] < 0x80)
        length++;
    return name[length] == '\0' && length <= PLAIN_NAME_MAX && strstr(name, "=?") == NULL;
}

static void put_quoted(FILE *out, const char *name)
{
    fputc('"', out);
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            fputc('\\', out);
        fputc(is_control(*name) ? ' ' : *name, out);
    }
    fputs("\" ", out);
}

/* An encoded word holds whole characters: it is decoded by itself. */
static void put_word(FILE *out, const char *text, size_t length)
{
    unsigned char bytes[WORD_BYTES];
    char word[WORD_TEXT];

    for (size_t i = 0; i < length; i++)
        bytes[i] = is_control(text[i]) ? ' ' : (unsigned char)text[i];
    sodium_bin2base64(word, sizeof word, bytes, length, sodium_base64_VARIANT_ORIGINAL);
    fprintf(out, "=?UTF-8?B?%s?=", word);
}

void mail_put_name(FILE *out, const char *name)
{
    size_t left = strlen(name);

    if (left > 0 && is_plain_name(name)) {
        put_quoted(out, name);
        return;
    }
    while (left > 0) {
        size_t length = iqm_text_cut(name, left, WORD_BYTES);
        put_word(out, name, length);
        name += length;
        left -= length;
        fputs("\r\n ", out);
    }
}

/* A line end of whatever kind: how many bytes it has, 0 where there is none. */
static size_t line_end(const char *text)
{
    if (text[0] == '\r')
        return text[1] == '\n' ? 2 : 1;
    return text[0] == '\n' ? 1 : 0;
}

static bool stays(const char *text)
{
    if (*text == ' ' || *text == '\t')
        return text[1] != '\0' && line_end(text + 1) == 0;
    return is_printable(*text) && *text != '=';
}

/* One byte; a soft line break before it where the line, with room for another such break, is full.
 */
static size_t put_byte(FILE *out, const char *text, size_t column)
{
    size_t width = stays(text) ? 1 : 3;

    if (column + width > LINE_MAX_CHARACTERS - 1) {
        fputs("=\r\n", out);
        column = 0;
    }
    if (width == 1)
        fputc(*text, out);
    else
        fprintf(out, "=%02X", (unsigned char)*text);
    return column + width;
}

void mail_put_text(FILE *out, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t end = line_end(text);
        if (end > 0) {
            fputs("\r\n", out);
            column = 0;
        } else {
            column = put_byte(out, text, column);
        }
        text += end > 0 ? end : 1;
    }
    if (column > 0)
        fputs("\r\n", out);
}
