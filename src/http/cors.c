/* Which pages may call: an allow-list of exact origins (Fetch standard, CORS protocol). */
#include "request.h"

#include <string.h>

bool cors_allows(const char *origins, struct iqm_slice origin)
{
    const char *p = origins;

    while (origin.ptr != NULL && *p != '\0') {
        size_t length = strcspn(p, ",");
        if (length == origin.len && length > 0 && memcmp(p, origin.ptr, length) == 0)
            return true;
        p += length;
        while (*p == ',' || *p == ' ')
            p++;
    }
    return false;
}
