/* Sealing what a mail is filled with. */
#include "iqm/mail_body.h"

#include <sodium.h>

char *iqm_mail_body(struct iqm_arena *arena, const struct iqm_person_key *key, const char *person,
    json_t *parameters)
{
    struct iqm_seal_place place = {person, "outbox", "body"};
    size_t length = json_dumpb(parameters, NULL, 0, JSON_COMPACT);
    char *clear = length > 0 ? iqm_arena_bytes(arena, length) : NULL;
    char *sealed = NULL;

    if (clear != NULL && json_dumpb(parameters, clear, length, JSON_COMPACT) == length)
        sealed = iqm_seal(arena, key, &place, (struct iqm_slice){clear, length});
    if (clear != NULL)
        sodium_memzero(clear, length);
    json_decref(parameters);
    return sealed;
}
