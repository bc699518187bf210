/* JSON as it is stored and signed. */
#ifndef IQM_PRIVACY_STORED_JSON_H
#define IQM_PRIVACY_STORED_JSON_H

#include "iqm/arena.h"

#include <jansson.h>

/* Compact, in the arena, and frees the value. NULL: memory is out, also where there is no value. */
char *stored_json(struct iqm_arena *arena, json_t *taken);

#endif
