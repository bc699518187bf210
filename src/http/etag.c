/* Entity tags: the version in quotes; ".gz" marks the compressed form of the same version. */
#include "iqm/call.h"

#include <string.h>

static bool tag_is(struct iqm_slice tag, const char *version)
{
    size_t length = strlen(version);

    if (tag.len > 3 && memcmp(tag.ptr + tag.len - 3, ".gz", 3) == 0)
        tag.len -= 3;
    return tag.len == length && memcmp(tag.ptr, version, length) == 0;
}

/* One element off the front of the list: its inside, and whether it was weak. */
static bool next_tag(struct iqm_slice *list, struct iqm_slice *ret_tag, bool *ret_weak)
{
    const char *end = list->ptr + list->len;
    const char *p = list->ptr;

    while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
        p++;
    *ret_weak = end - p > 2 && p[0] == 'W' && p[1] == '/';
    if (*ret_weak)
        p += 2;
    if (p >= end || *p != '"')
        return false;
    const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));
    if (close == NULL)
        return false;
    *ret_tag = (struct iqm_slice){p + 1, (size_t)(close - p - 1)};
    for (p = close + 1; p < end && (*p == ' ' || *p == '\t');)
        p++;
    *list = (struct iqm_slice){p, (size_t)(end - p)};
    return p == end || *p == ','; /* anything else between two tags is no list */
}

bool iqm_etag_matches(struct iqm_slice list, const char *version, bool weak)
{
    struct iqm_slice tag;
    bool tag_weak;

    if (list.len == 1 && list.ptr[0] == '*')
        return true;
    while (list.len > 0 && next_tag(&list, &tag, &tag_weak)) {
        if ((weak || !tag_weak) && tag_is(tag, version))
            return true;
    }
    return false;
}
