/* One pass, no copy: a stored document is opened for every read of it. Text that is not well formed
 * gives pieces that are not, but none beyond its end. */
#include "iqm/members.h"

#include <string.h>

void iqm_members_open(struct iqm_members *members, struct iqm_slice object)
{
    const char *brace = memchr(object.ptr, '{', object.len);

    members->end = object.ptr + object.len;
    members->at = brace != NULL ? brace + 1 : members->end;
}

/* Past the string that begins here; `end` where it has none. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\')
            at++;
    }
    return at < end ? at + 1 : end;
}

/* Past the value that begins here. */
static const char *skip_value(const char *at, const char *end)
{
    unsigned depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            if (depth == 0)
                return at;
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
            return at;
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

static const char *skip_space(const char *at, const char *end, const char *also)
{
    while (at < end && *at != '\0' && (strchr(" \t\r\n", *at) != NULL || strchr(also, *at) != NULL))
        at++;
    return at;
}

bool iqm_members_next(struct iqm_members *members)
{
    const char *end = members->end;
    const char *name = skip_space(members->at, end, ",");

    if (name >= end || *name != '"')
        return false;
    const char *after = skip_string(name, end);
    if (after - name < 2)
        return false;
    members->name = (struct iqm_slice){name + 1, (size_t)(after - name) - 2};
    const char *value = skip_space(after, end, ":");
    members->at = skip_value(value, end);
    members->value = (struct iqm_slice){value, (size_t)(members->at - value)};
    return true;
}

struct iqm_slice iqm_members_find(struct iqm_slice object, const char *name)
{
    struct iqm_members members;

    iqm_members_open(&members, object);
    while (iqm_members_next(&members)) {
        if (iqm_slice_equal_string(members.name, name))
            return members.value;
    }
    return (struct iqm_slice){NULL, 0};
}

bool iqm_items_next(struct iqm_slice *rest, struct iqm_slice *ret_item)
{
    const char *end = rest->ptr + rest->len;
    const char *item = skip_space(rest->ptr, end, ",");

    if (item >= end || *item == ']' || *item == '}')
        return false;
    const char *after = skip_value(item, end);
    *ret_item = (struct iqm_slice){item, (size_t)(after - item)};
    *rest = (struct iqm_slice){after, (size_t)(end - after)};
    return true;
}
