/*
 * Fuzz target: two JSON values, a zero byte between them, merged. Neither may change, and applying
 * the same patch twice must give the same as once.
 */
#include "iqm/contract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const uint8_t *data, size_t size)
{
    return json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static void check(json_t *target, json_t *patch)
{
    json_t *target_before = json_deep_copy(target);
    json_t *patch_before = json_deep_copy(patch);
    json_t *once = iqm_merge_patch(target, patch);
    json_t *twice = iqm_merge_patch(once, patch);
    if (!json_equal(once, twice) || !json_equal(target, target_before) ||
        !json_equal(patch, patch_before))
        abort();
    json_decref(twice);
    json_decref(once);
    json_decref(patch_before);
    json_decref(target_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    if (zero == NULL)
        return 0;
    size_t first = (size_t)(zero - data);
    json_t *target = parse(data, first);
    json_t *patch = parse(zero + 1, size - first - 1);
    if (target != NULL && patch != NULL)
        check(target, patch);
    json_decref(patch);
    json_decref(target);
    return 0;
}
