/* Bank holidays that head office added, as the clock of requests takes them. */
#ifndef IQM_PROGRAMME_PRIVACY_REQUEST_HOLIDAYS_H
#define IQM_PROGRAMME_PRIVACY_REQUEST_HOLIDAYS_H

#include "iqm/arena.h"
#include "iqm/working_days.h"

#include <jansson.h>

/* From an array of {"day", "kind"}; in the arena. 0 or IQM_ENOMEM. */
int holidays_read(
    struct iqm_arena *arena, const json_t *list, struct iqm_bank_holidays *ret_holidays);

#endif
