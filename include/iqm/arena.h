/* Memory that lives as long as one request: allocated piece by piece, freed at once. */
#ifndef IQM_ARENA_H
#define IQM_ARENA_H

#include "iqm/base.h"

#include <stdarg.h>

struct iqm_arena;

/*
 * New arena that hands out at most `limit` bytes in all; NULL when memory is out.
 * Owned by the caller, who ends it with iqm_arena_free. Not for use by two threads at once.
 */
struct iqm_arena *iqm_arena_new(size_t limit);

/* Frees the arena and everything it handed out. Accepts NULL. */
void iqm_arena_free(struct iqm_arena *arena);

/* iqm_arena_free for IQM_CLEANUP. */
void iqm_arena_freep(struct iqm_arena **arena);

/* `size` bytes aligned for any type, zeroed; NULL when memory or the limit is used up. */
void *iqm_arena_alloc(struct iqm_arena *arena, size_t size);

/* As iqm_arena_alloc, but not zeroed: for bytes that are written at once. */
void *iqm_arena_bytes(struct iqm_arena *arena, size_t size);

/* As iqm_arena_alloc, for `count` things of `size` bytes; NULL also when the product overflows. */
void *iqm_arena_array(struct iqm_arena *arena, size_t count, size_t size);

/* A terminated copy of `len` bytes, or NULL. */
char *iqm_arena_copy(struct iqm_arena *arena, const char *bytes, size_t len);

/* A terminated copy of a string, or NULL. */
char *iqm_arena_string(struct iqm_arena *arena, const char *string);

/* Formats into the arena; NULL when memory or the limit is used up. */
char *iqm_arena_printf(struct iqm_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *iqm_arena_vprintf(struct iqm_arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

#endif
