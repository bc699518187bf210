/* Cursors: opaque to clients, plain to us. They carry no secret: values are bound, rows are
 * secured. */
#include "iqm/resource.h"

#include "iqm/contract.h"
#include "iqm/text.h"

#include <sodium.h>
#include <string.h>

#define FORM 1
#define HEAD (1 + 1 + 8 + 36) /* form, sort, filters, id */
#define BYTES_MAX (HEAD + IQM_CURSOR_KEY_MAX)

char *iqm_cursor_write(struct iqm_arena *arena, const struct iqm_cursor *cursor)
{
    uint8_t bytes[BYTES_MAX];
    size_t key = strlen(cursor->key);

    if (key > IQM_CURSOR_KEY_MAX)
        return NULL;
    bytes[0] = FORM;
    bytes[1] = cursor->sort;
    for (size_t i = 0; i < 8; i++)
        bytes[2 + i] = (uint8_t)(cursor->filters >> (8 * i));
    memcpy(bytes + 10, cursor->id, 36);
    memcpy(bytes + HEAD, cursor->key, key);
    size_t room = sodium_base64_ENCODED_LEN(HEAD + key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = iqm_arena_alloc(arena, room);
    if (text == NULL)
        return NULL;
    return sodium_bin2base64(
        text, room, bytes, HEAD + key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int iqm_cursor_read(struct iqm_arena *arena, struct iqm_slice text, struct iqm_cursor *ret_cursor)
{
    uint8_t bytes[BYTES_MAX];
    size_t length = 0;
    const char *end = NULL;
    struct iqm_cursor cursor = {0};

    if (sodium_base642bin(bytes, sizeof bytes, text.ptr, text.len, NULL, &length, &end,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text.ptr + text.len || length < HEAD || bytes[0] != FORM)
        return IQM_EINVAL;
    cursor.sort = bytes[1];
    for (size_t i = 0; i < 8; i++)
        cursor.filters |= (uint64_t)bytes[2 + i] << (8 * i);
    memcpy(cursor.id, bytes + 10, 36);
    if (!iqm_format_matches(IQM_FORMAT_UUID, cursor.id, 36) ||
        !iqm_text_is_utf8((const char *)bytes + HEAD, length - HEAD))
        return IQM_EINVAL;
    cursor.key = iqm_arena_copy(arena, (const char *)bytes + HEAD, length - HEAD);
    if (cursor.key == NULL)
        return IQM_ENOMEM;
    *ret_cursor = cursor;
    return 0;
}

uint64_t iqm_cursor_filters(const struct iqm_call *call)
{
    crypto_generichash_state state;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t filters;

    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(
        &state, (const unsigned char *)call->operation->id, strlen(call->operation->id) + 1);
    for (uint16_t i = 0; i < call->operation->parameter_count; i++) {
        const struct iqm_parameter *parameter = &call->operation->parameters[i];
        struct iqm_slice value = call->parameters[i];
        if (parameter->in != IQM_IN_QUERY || value.ptr == NULL ||
            strcmp(parameter->name, "cursor") == 0 || strcmp(parameter->name, "limit") == 0)
            continue;
        crypto_generichash_update(
            &state, (const unsigned char *)parameter->name, strlen(parameter->name) + 1);
        crypto_generichash_update(&state, (const unsigned char *)value.ptr, value.len + 1);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&filters, hash, sizeof filters);
    return filters;
}
