/* The one preference that is honoured: return=minimal (RFC 7240, 4.2). All others, and what is not
 * of the form of a preference, are passed over, as the RFC has it. */
#include "request.h"

#include <string.h>
#include <strings.h>

#define SPACE " \t"
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static void skip(struct iqm_slice *rest, const char *set)
{
    while (rest->len > 0 && is_one_of(*rest->ptr, set)) {
        rest->ptr++;
        rest->len--;
    }
}

static struct iqm_slice take_token(struct iqm_slice *rest)
{
    struct iqm_slice token = *rest;

    skip(rest, TOKEN);
    token.len -= rest->len;
    return token;
}

/* What stands between the quotes; escapes stay, so that such a value is none we know. */
static struct iqm_slice take_quoted(struct iqm_slice *rest)
{
    struct iqm_slice text = {rest->ptr + 1, 0};
    size_t i = 1;

    while (i < rest->len && rest->ptr[i] != '"')
        i += rest->ptr[i] == '\\' && i + 1 < rest->len ? 2 : 1;
    text.len = i - 1;
    i += i < rest->len ? 1 : 0;
    rest->ptr += i;
    rest->len -= i;
    return text;
}

static struct iqm_slice take_value(struct iqm_slice *rest)
{
    skip(rest, SPACE);
    if (rest->len == 0 || *rest->ptr != '=')
        return (struct iqm_slice){NULL, 0};
    rest->ptr++;
    rest->len--;
    skip(rest, SPACE);
    return rest->len > 0 && *rest->ptr == '"' ? take_quoted(rest) : take_token(rest);
}

/* To behind the comma after this preference, over its parameters. */
static void skip_rest(struct iqm_slice *rest)
{
    while (rest->len > 0 && *rest->ptr != ',') {
        if (*rest->ptr == '"') {
            take_quoted(rest);
        } else {
            rest->ptr++;
            rest->len--;
        }
    }
    skip(rest, "," SPACE);
}

static bool equals(struct iqm_slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

bool prefer_minimal(struct iqm_slice field)
{
    skip(&field, "," SPACE);
    while (field.len > 0) {
        struct iqm_slice name = take_token(&field);
        struct iqm_slice value = take_value(&field);
        if (equals(name, "return")) /* the first counts (RFC 7240, 2) */
            return value.ptr != NULL && equals(value, "minimal");
        skip_rest(&field);
    }
    return false;
}
