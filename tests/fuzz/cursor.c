/* Fuzz target: any text as a cursor. What is taken for one says the same when written again. */
#include "iqm/resource.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_arena *arena = iqm_arena_new(1 << 16);
    struct iqm_cursor cursor, again;

    if (iqm_cursor_read(arena, (struct iqm_slice){(const char *)data, size}, &cursor) == 0) {
        const char *text = iqm_cursor_write(arena, &cursor);
        if (text == NULL ||
            iqm_cursor_read(arena, (struct iqm_slice){text, strlen(text)}, &again) != 0 ||
            again.sort != cursor.sort || again.filters != cursor.filters ||
            strcmp(again.id, cursor.id) != 0 || strcmp(again.key, cursor.key) != 0)
            abort();
    }
    iqm_arena_free(arena);
    return 0;
}
