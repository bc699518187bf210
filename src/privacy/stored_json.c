/* JSON as it is stored and signed. */
#include "privacy/stored_json.h"

char *stored_json(struct iqm_arena *arena, json_t *taken)
{
    size_t length = json_dumpb(taken, NULL, 0, JSON_COMPACT);
    char *text = taken != NULL ? iqm_arena_alloc(arena, length + 1) : NULL;

    if (text != NULL && json_dumpb(taken, text, length, JSON_COMPACT) != length)
        text = NULL;
    json_decref(taken);
    return text;
}
