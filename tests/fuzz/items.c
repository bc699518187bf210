/*
 * Fuzz target: any text as an array whose items are cut out of it. What is cut lies within the
 * text, in its order; and of an array that is JSON it is the items, each as they are when all of it
 * is parsed.
 */
#include "iqm/members.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct iqm_slice text)
{
    const char *before = text.ptr, *end = text.ptr + text.len;
    struct iqm_slice item;

    while (iqm_items_next(&text, &item)) {
        if (item.len == 0 || item.ptr < before || item.ptr + item.len > end)
            abort();
        before = item.ptr + item.len;
    }
}

static void check_items(struct iqm_slice text, json_t *array)
{
    size_t count = 0;
    struct iqm_slice item;

    while (iqm_items_next(&text, &item)) {
        json_t *alone = json_loadb(item.ptr, item.len, JSON_DECODE_ANY, NULL);
        if (alone == NULL || !json_equal(alone, json_array_get(array, count++)))
            abort();
        json_decref(alone);
    }
    if (count != json_array_size(array))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_slice text = {(const char *)data, size};
    const char *bracket = size > 0 ? memchr(data, '[', size) : NULL;
    json_t *array = bracket != NULL ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;

    if (bracket == NULL)
        return 0;
    struct iqm_slice inside = {bracket + 1, (size_t)(text.ptr + text.len - bracket - 1)};
    check_within(inside);
    if (json_is_array(array))
        check_items(inside, array);
    json_decref(array);
    return 0;
}
