/* Fuzz target: a path of any bytes is routed, and what comes out keeps its promises. */
#include "iqm/arena.h"
#include "iqm/text.h"
#include "tiny_contract.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_arena *arena = iqm_arena_new(1 << 16);
    struct iqm_slice path = {(const char *)data, size};
    struct iqm_slice values[IQM_PATH_PARAMETERS_MAX];
    const struct iqm_route *route = NULL;
    if (iqm_contract_route(&tiny_contract, path, arena, &route, values) == 0) {
        if (route == NULL)
            abort();
        for (size_t i = 0; i < IQM_PATH_PARAMETERS_MAX && values[i].ptr != NULL; i++)
            if (!iqm_text_is_utf8(values[i].ptr, values[i].len) ||
                values[i].ptr[values[i].len] != '\0')
                abort();
    }
    iqm_arena_free(arena);
    return 0;
}
