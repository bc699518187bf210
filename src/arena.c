/*
 * The arena behind iqm/arena.h: a chain of blocks, filled from the front, freed together.
 * It gives nothing back before the end and takes no locks.
 */
#include "iqm/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)4096 - 2 * sizeof(void *))

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct iqm_arena {
    struct block *head; /* the block being filled */
    size_t left;        /* of the limit */
};

struct iqm_arena *iqm_arena_new(size_t limit)
{
    struct iqm_arena *arena = calloc(1, sizeof(*arena));
    if (arena != NULL)
        arena->left = limit;
    return arena;
}

void iqm_arena_free(struct iqm_arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->head != NULL) {
        struct block *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
    free(arena);
}

void iqm_arena_freep(struct iqm_arena **arena)
{
    iqm_arena_free(*arena);
    *arena = NULL;
}

static struct block *add_block(struct iqm_arena *arena, size_t size)
{
    size_t room = BLOCK_SIZE - sizeof(struct block);
    bool is_large = size > room / 4;
    if (is_large)
        room = size;
    struct block *block = malloc(sizeof(*block) + room);
    if (block == NULL)
        return NULL;
    block->size = room;
    block->used = 0;
    /* A large piece gets a block of its own behind the head, whose rest stays in use. */
    struct block **place = is_large && arena->head != NULL ? &arena->head->next : &arena->head;
    block->next = *place;
    *place = block;
    return block;
}

void *iqm_arena_bytes(struct iqm_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > arena->left || size > SIZE_MAX - align - sizeof(struct block))
        return NULL;
    size_t rounded = size == 0 ? align : (size + align - 1) / align * align;
    struct block *block = arena->head;
    if (block == NULL || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    if (block == NULL)
        return NULL;
    unsigned char *memory = block->bytes + block->used;
    block->used += rounded;
    arena->left -= rounded < arena->left ? rounded : arena->left;
    return memory;
}

void *iqm_arena_alloc(struct iqm_arena *arena, size_t size)
{
    void *memory = iqm_arena_bytes(arena, size);
    return memory != NULL ? memset(memory, 0, size) : NULL;
}

void *iqm_arena_array(struct iqm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return iqm_arena_alloc(arena, bytes);
}

char *iqm_arena_copy(struct iqm_arena *arena, const char *bytes, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = iqm_arena_bytes(arena, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *iqm_arena_string(struct iqm_arena *arena, const char *string)
{
    return iqm_arena_copy(arena, string, strlen(string));
}

char *iqm_arena_vprintf(struct iqm_arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return NULL;
    char *text = iqm_arena_alloc(arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, arguments);
    return text;
}

char *iqm_arena_printf(struct iqm_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = iqm_arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}
