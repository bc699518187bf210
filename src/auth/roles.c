/* Sets of roles as PostgreSQL writes arrays of plain words: {ambassador,school}. */
#include "iqm/auth.h"

#include <string.h>

bool iqm_roles_next(const char **rest, struct iqm_slice *ret_role)
{
    *rest += strspn(*rest, "{,}");
    size_t length = strcspn(*rest, ",}");
    *ret_role = (struct iqm_slice){*rest, length};
    *rest += length;
    return length > 0;
}

static bool has(const char *roles, struct iqm_slice role)
{
    struct iqm_slice one;

    while (iqm_roles_next(&roles, &one)) {
        if (iqm_slice_equal(one, role))
            return true;
    }
    return false;
}

bool iqm_roles_have(const char *roles, const char *role)
{
    return roles != NULL && has(roles, (struct iqm_slice){role, strlen(role)});
}

bool iqm_roles_share(const char *a, const char *b)
{
    struct iqm_slice role;

    while (a != NULL && b != NULL && iqm_roles_next(&a, &role)) {
        if (has(b, role))
            return true;
    }
    return false;
}
