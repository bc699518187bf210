/* Texts beside documents, sealed as documents seal their members: so whatever opens those opens
 * them. */
#include "iqm/seal.h"

#include <stdlib.h>
#include <string.h>

const char *iqm_seal_text(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *clear)
{
    json_t *string = json_string(clear);
    char *text = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    const char *sealed = NULL;

    if (text != NULL)
        sealed = iqm_seal(arena, key, place, (struct iqm_slice){text, strlen(text)});
    json_decref(string);
    free(text);
    return sealed;
}

const char *iqm_unseal_text(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *sealed)
{
    struct iqm_slice clear;

    if (iqm_unseal(arena, key, place, (struct iqm_slice){sealed, strlen(sealed)}, &clear) != 0)
        return NULL;
    json_t *string = json_loadb(clear.ptr, clear.len, JSON_DECODE_ANY, NULL);
    const char *text =
        json_is_string(string) ? iqm_arena_string(arena, json_string_value(string)) : NULL;
    json_decref(string);
    return text;
}
