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

/* A role that is not here is told by its name in the contract. */
static struct iqm_slice spoken(struct iqm_slice role)
{
    static const char *const names[][2] = {{"head_office", "head office"},
        {"ambassador", "ambassadors"}, {"school", "schools"}, {"client", "applications"}};

    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        if (iqm_slice_equal_string(role, names[i][0]))
            return (struct iqm_slice){names[i][1], strlen(names[i][1])};
    }
    return role;
}

const char *iqm_roles_named(struct iqm_arena *arena, const char *roles)
{
    const char *text = NULL;
    struct iqm_slice role;

    for (bool more = iqm_roles_next(&roles, &role); more;) {
        struct iqm_slice name = spoken(role);
        more = iqm_roles_next(&roles, &role);
        if (text == NULL)
            text = iqm_arena_copy(arena, name.ptr, name.len);
        else
            text = iqm_arena_printf(
                arena, "%s%s%.*s", text, more ? ", " : " and ", (int)name.len, name.ptr);
        if (text == NULL)
            return NULL;
    }
    return text;
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
