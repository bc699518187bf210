/* Content-Disposition, both ways. */
#include "iqm/text.h"
#include "programme/evidence/file_head.h"

#include <string.h>
#include <strings.h>

static const char token_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789!#$%&'*+-.^_`|~";
/* Of these, what stands in filename* as it is (RFC 8187, 3.2.1). */
static const char not_attribute_letters[] = "%'*";

struct parameter {
    struct iqm_slice name, value; /* a quoted value has lost its quotes, not its backslashes */
    bool quoted;
};

static void skip_space(struct iqm_slice *rest)
{
    while (rest->len > 0 && (*rest->ptr == ' ' || *rest->ptr == '\t')) {
        rest->ptr++;
        rest->len--;
    }
}

static struct iqm_slice take(struct iqm_slice *rest, size_t len)
{
    struct iqm_slice taken = {rest->ptr, len};

    rest->ptr += len;
    rest->len -= len;
    return taken;
}

static struct iqm_slice take_token(struct iqm_slice *rest)
{
    size_t len = 0;

    while (
        len < rest->len && rest->ptr[len] != '\0' && strchr(token_letters, rest->ptr[len]) != NULL)
        len++;
    return take(rest, len);
}

/* The inside of a quoted-string that begins here. */
static int take_quoted(struct iqm_slice *rest, struct iqm_slice *ret_value)
{
    size_t len = 1;

    while (len < rest->len && rest->ptr[len] != '"')
        len += rest->ptr[len] == '\\' ? 2 : 1;
    if (len >= rest->len)
        return IQM_EINVAL;
    struct iqm_slice whole = take(rest, len + 1);
    *ret_value = (struct iqm_slice){whole.ptr + 1, whole.len - 2};
    return 0;
}

static int take_parameter(struct iqm_slice *rest, struct parameter *ret_parameter)
{
    struct parameter parameter = {.name = take_token(rest)};
    int error = 0;

    skip_space(rest);
    if (parameter.name.len == 0 || rest->len == 0 || *rest->ptr != '=')
        return IQM_EINVAL;
    take(rest, 1);
    skip_space(rest);
    parameter.quoted = rest->len > 0 && *rest->ptr == '"';
    if (parameter.quoted)
        error = take_quoted(rest, &parameter.value);
    else
        parameter.value = take_token(rest);
    if (error != 0 || (!parameter.quoted && parameter.value.len == 0))
        return IQM_EINVAL;
    *ret_parameter = parameter;
    return 0;
}

static bool is_named(const struct parameter *parameter, const char *name)
{
    return parameter->name.len == strlen(name) &&
           strncasecmp(parameter->name.ptr, name, parameter->name.len) == 0;
}

static int read_plain(
    struct iqm_arena *arena, const struct parameter *parameter, struct iqm_slice *ret_name)
{
    char *text = iqm_arena_alloc(arena, parameter->value.len + 1);
    size_t length = 0;

    if (text == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < parameter->value.len; i++) {
        if (parameter->quoted && parameter->value.ptr[i] == '\\')
            i++;
        text[length++] = parameter->value.ptr[i];
    }
    *ret_name = (struct iqm_slice){text, length};
    return 0;
}

/* UTF-8'language'percent-encoded (RFC 8187, 3.2). */
static int read_extended(
    struct iqm_arena *arena, const struct parameter *parameter, struct iqm_slice *ret_name)
{
    struct iqm_slice rest = parameter->value;

    if (parameter->quoted || rest.len < 6 || strncasecmp(rest.ptr, "UTF-8'", 6) != 0)
        return IQM_EINVAL;
    take(&rest, 6);
    const char *quote = memchr(rest.ptr, '\'', rest.len);
    if (quote == NULL)
        return IQM_EINVAL;
    take(&rest, (size_t)(quote - rest.ptr) + 1);
    return iqm_text_percent_decode(rest, arena, ret_name);
}

/* C0 and C1 controls, DEL, and what turns the direction of writing: U+200E and U+200F, U+202A to
 * U+202E, U+2066 to U+2069. */
static bool is_unseen(const unsigned char *c)
{
    if (*c < 0x20 || *c == 0x7F)
        return true;
    if (c[0] == 0xC2)
        return c[1] < 0xA0;
    if (c[0] != 0xE2)
        return false;
    return (c[1] == 0x80 && (c[2] == 0x8E || c[2] == 0x8F || (c[2] >= 0xAA && c[2] <= 0xAE))) ||
           (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9);
}

static size_t bytes_of(unsigned char first)
{
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
}

/* The last part of a path; without spaces and dots at its ends. */
static struct iqm_slice last_part(struct iqm_slice name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\') {
            take(&name, i);
            break;
        }
    }
    while (name.len > 0 && (*name.ptr == ' ' || *name.ptr == '.'))
        take(&name, 1);
    while (name.len > 0 && (name.ptr[name.len - 1] == ' ' || name.ptr[name.len - 1] == '.'))
        name.len--;
    return name;
}

/* Copied before it is cut: what is not seen may hide a path or a dot. */
static int clean(struct iqm_arena *arena, struct iqm_slice name, const char **ret_name)
{
    if (!iqm_text_is_utf8(name.ptr, name.len))
        return IQM_EINVAL;
    char *text = iqm_arena_alloc(arena, name.len + 1);
    size_t length = 0;
    if (text == NULL)
        return IQM_ENOMEM;
    for (size_t i = 0; i < name.len;) {
        const unsigned char *c = (const unsigned char *)name.ptr + i;
        size_t step = bytes_of(*c);
        if (!is_unseen(c)) {
            memcpy(text + length, c, step);
            length += step;
        }
        i += step;
    }
    struct iqm_slice part = last_part((struct iqm_slice){text, length});
    if (part.len == 0)
        return IQM_ENOTFOUND;
    if (part.len > FILE_NAME_MAX)
        return IQM_ELIMIT;
    *ret_name = iqm_arena_copy(arena, part.ptr, part.len);
    return *ret_name != NULL ? 0 : IQM_ENOMEM;
}

/* Each of the two names once at most; *ret_name as sent, still to be cleaned. */
static int find_name(struct iqm_arena *arena, struct iqm_slice rest, struct iqm_slice *ret_name)
{
    struct iqm_slice plain = {NULL, 0};
    struct iqm_slice extended = {NULL, 0};

    for (skip_space(&rest); rest.len > 0; skip_space(&rest)) {
        struct parameter parameter;
        int error = *rest.ptr == ';' ? 0 : IQM_EINVAL;
        take(&rest, 1);
        skip_space(&rest);
        if (error == 0)
            error = take_parameter(&rest, &parameter);
        if (error == 0 && is_named(&parameter, "filename"))
            error = plain.ptr == NULL ? read_plain(arena, &parameter, &plain) : IQM_EINVAL;
        else if (error == 0 && is_named(&parameter, "filename*"))
            error = extended.ptr == NULL ? read_extended(arena, &parameter, &extended) : IQM_EINVAL;
        if (error != 0)
            return error;
    }
    *ret_name = extended.ptr != NULL ? extended : plain;
    return ret_name->ptr != NULL ? 0 : IQM_ENOTFOUND;
}

int file_name_read(struct iqm_arena *arena, struct iqm_slice text, const char **ret_name)
{
    struct iqm_slice rest = text;
    struct iqm_slice name;

    skip_space(&rest);
    struct iqm_slice type = take_token(&rest);
    if (type.len != strlen("attachment") || strncasecmp(type.ptr, "attachment", type.len) != 0)
        return IQM_EINVAL;
    int error = find_name(arena, rest, &name);
    return error != 0 ? error : clean(arena, name, ret_name);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%';
}

/* In letters that every client understands; *ret_same where that is the name itself. */
static const char *fallback(struct iqm_arena *arena, const char *name, bool *ret_same)
{
    char *text = iqm_arena_alloc(arena, strlen(name) + 1);
    size_t length = 0;
    bool same = true;

    for (; text != NULL && *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        same = same && is_plain(c);
        if ((c & 0xC0) != 0x80)
            text[length++] = is_plain(c) ? *name : '_';
    }
    *ret_same = same;
    return text;
}

static const char *percent_encode(struct iqm_arena *arena, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = iqm_arena_alloc(arena, 3 * strlen(name) + 1);
    size_t length = 0;

    for (; text != NULL && *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (strchr(token_letters, *name) != NULL && strchr(not_attribute_letters, *name) == NULL) {
            text[length++] = *name;
            continue;
        }
        text[length++] = '%';
        text[length++] = digits[c >> 4];
        text[length++] = digits[c & 15];
    }
    return text;
}

const char *file_name_write(struct iqm_arena *arena, const char *name)
{
    bool same;
    const char *plain = fallback(arena, name, &same);

    if (plain == NULL)
        return NULL;
    if (same)
        return iqm_arena_printf(arena, "attachment; filename=\"%s\"", plain);
    const char *encoded = percent_encode(arena, name);
    if (encoded == NULL)
        return NULL;
    return iqm_arena_printf(
        arena, "attachment; filename=\"%s\"; filename*=UTF-8''%s", plain, encoded);
}
