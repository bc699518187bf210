/*
 * Fuzz target: any text as each of the fields that go with a file. A name that is taken holds no
 * path and nothing unseen, and is the same when it is written and read again; a part lies within.
 */
#include "programme/evidence/file_head.h"
#include "iqm/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct iqm_arena *arena, const char *name)
{
    const char *again;
    size_t length = strlen(name);

    if (length == 0 || length > FILE_NAME_MAX || !iqm_text_is_utf8(name, length) ||
        strpbrk(name, "/\\") != NULL || *name == '.' || *name == ' ')
        abort();
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            abort();
    }
    const char *text = file_name_write(arena, name);
    if (text == NULL)
        abort();
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7F)
            abort();
    }
    if (file_name_read(arena, (struct iqm_slice){text, strlen(text)}, &again) != 0 ||
        strcmp(again, name) != 0)
        abort();
}

static void check_range(struct iqm_slice text)
{
    static const uint64_t sizes[] = {1, 10, 262144, UINT64_MAX};

    for (size_t i = 0; i < IQM_LENGTH(sizes); i++) {
        uint64_t first = 1;
        uint64_t last = 0;
        if (range_read(text, sizes[i], &first, &last) == RANGE_PART &&
            (first > last || last >= sizes[i]))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_arena *arena = iqm_arena_new((size_t)1 << 24);
    struct iqm_slice text = {(const char *)data, size};
    uint8_t sha256[SHA256_BYTES];
    const char *name;

    if (file_name_read(arena, text, &name) == 0)
        check_name(arena, name);
    check_range(text);
    digest_read(text, sha256);
    iqm_arena_free(arena);
    return 0;
}
