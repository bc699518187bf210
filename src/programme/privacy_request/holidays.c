/* Bank holidays from rows to the clock. */
#include "programme/privacy_request/holidays.h"

#include "iqm/resource.h"

#include <stdio.h>
#include <string.h>

int holidays_read(
    struct iqm_arena *arena, const json_t *list, struct iqm_bank_holidays *ret_holidays)
{
    size_t count = json_array_size(list), i;
    struct iqm_bank_holiday *days = iqm_arena_alloc(arena, count * sizeof *days + 1);
    const json_t *one;

    if (days == NULL)
        return IQM_ENOMEM;
    json_array_foreach(list, i, one)
    {
        snprintf(days[i].day, sizeof days[i].day, "%s", iqm_rules_text(one, "day"));
        days[i].is_removed = strcmp(iqm_rules_text(one, "kind"), "removed") == 0;
    }
    *ret_holidays = (struct iqm_bank_holidays){days, count};
    return 0;
}
