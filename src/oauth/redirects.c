/*
 * Where people may be sent back to. What a client registered is compared to the letter: nothing is
 * decoded, normalised or cut. Sources: RFC 9700, 4.1.3; RFC 8252, 7.3.
 */
#include "oauth.h"

#include <string.h>

/* The length of a loopback address at the start, without its port; 0 when it is none. The name
 * localhost is none: who answers to it is not ours to know (RFC 8252, 8.3). */
static size_t loopback_length(const char *uri)
{
    static const char *const starts[] = {"http://127.0.0.1", "http://[::1]"};

    for (size_t i = 0; i < IQM_LENGTH(starts); i++) {
        size_t length = strlen(starts[i]);
        if (strncmp(uri, starts[i], length) == 0 && strchr(":/?", uri[length]) != NULL)
            return length;
    }
    return 0;
}

/* Behind ":port"; the same place where there is none; NULL when it is not a port. */
static const char *after_port(const char *text)
{
    if (*text != ':')
        return text;
    size_t length = strspn(text + 1, "0123456789");
    unsigned long port = 0;
    for (size_t i = 1; i <= length && length <= 5; i++)
        port = port * 10 + (unsigned long)(text[i] - '0');
    return port >= 1 && port <= 65535 && text[1] != '0' ? text + 1 + length : NULL;
}

static bool matches(const char *registered, const char *sent)
{
    size_t length = loopback_length(registered);

    if (strcmp(registered, sent) == 0)
        return true;
    if (length == 0 || length != loopback_length(sent) || strncmp(registered, sent, length) != 0)
        return false;
    const char *rest = after_port(registered + length);
    const char *sent_rest = after_port(sent + length);
    return rest != NULL && sent_rest != NULL && strcmp(rest, sent_rest) == 0;
}

const char *redirect_find(const json_t *registered, const char *sent)
{
    size_t i;
    const json_t *uri;

    if (sent == NULL)
        return json_array_size(registered) == 1 ? json_string_value(json_array_get(registered, 0))
                                                : NULL;
    json_array_foreach(registered, i, uri)
    {
        if (matches(json_string_value(uri), sent))
            return sent;
    }
    return NULL;
}

/* CSP knows no hosts in brackets, and of an app's own scheme only the scheme. */
const char *redirect_source(struct iqm_arena *arena, const char *redirect)
{
    size_t scheme = strcspn(redirect, ":") + 1;
    bool has_host = strncmp(redirect, "http://", 7) == 0 || strncmp(redirect, "https://", 8) == 0;

    if (!has_host || redirect[scheme + 2] == '[')
        return iqm_arena_copy(arena, redirect, scheme);
    return iqm_arena_copy(arena, redirect, scheme + 2 + strcspn(redirect + scheme + 2, "/?"));
}
