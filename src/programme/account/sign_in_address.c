/* The address out of the person: the page shows it, passwords are judged by it. */
#include "programme/account/sign_in_address.h"

#include <jansson.h>

const char *sign_in_address(struct iqm_arena *arena, struct iqm_slice person)
{
    json_t *document = person.ptr != NULL ? json_loadb(person.ptr, person.len, 0, NULL) : NULL;
    const char *email = json_string_value(json_object_get(document, "email"));
    char *address = iqm_arena_string(arena, email != NULL ? email : "");

    for (char *p = address; p != NULL && *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    json_decref(document);
    return address != NULL ? address : "";
}
