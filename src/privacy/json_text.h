/* JSON as it is stored and signed. */
#ifndef IQM_PRIVACY_JSON_TEXT_H
#define IQM_PRIVACY_JSON_TEXT_H

#include "iqm/arena.h"

#include <jansson.h>

/* Compact, in the arena, and frees the value. NULL: memory is out, also where there is no value. */
char *json_text(struct iqm_arena *arena, json_t *taken);

#endif
