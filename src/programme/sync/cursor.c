/*
 * A cursor is plain text under a keyed hash. It holds no secret, but the database takes its fields
 * as its own words, and whom a client saw by is not for another to say.
 */
#include "cursor.h"

#include "iqm/auth.h"
#include "iqm/services.h"

#include <sodium.h>
#include <string.h>

#define MAC 16
#define BYTES_MAX 600

static void sign(const struct iqm_call *call, const char *text, size_t len,
    uint8_t ret_mac[static IQM_TOKEN_HASH])
{
    const struct iqm_services *services = call->services;

    iqm_token_hash(services->config->token_key_bytes, (struct iqm_slice){text, len}, ret_mac);
}

const char *sync_cursor_write(
    struct iqm_call *call, const char *epoch, const char *fields, const char *selection)
{
    uint8_t bytes[BYTES_MAX], mac[IQM_TOKEN_HASH];
    /* The first word tells these texts from all else that is hashed with this key. */
    const char *text =
        iqm_arena_printf(call->arena, "sync %s %s %s %s", epoch, call->actor, fields, selection);
    size_t length = text != NULL ? strlen(text) : BYTES_MAX;

    if (length > BYTES_MAX - MAC)
        return NULL;
    sign(call, text, length, mac);
    memcpy(bytes, mac, MAC);
    memcpy(bytes + MAC, text, length);
    length += MAC;
    size_t room = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *encoded = iqm_arena_alloc(call->arena, room);
    if (encoded == NULL)
        return NULL;
    return sodium_bin2base64(
        encoded, room, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The next word of the text, which is cut there; NULL for none. */
static const char *take_word(char **rest)
{
    char *word = *rest;
    char *end = word != NULL ? strchr(word, ' ') : NULL;

    if (end != NULL)
        *end = '\0';
    *rest = end != NULL ? end + 1 : NULL;
    return word;
}

static int split(char *text, struct sync_cursor *ret_cursor)
{
    struct sync_cursor cursor = {0};

    if (strncmp(text, "sync ", strlen("sync ")) != 0)
        return IQM_EINVAL;
    text += strlen("sync ");
    cursor.epoch = take_word(&text);
    cursor.actor = take_word(&text);
    for (size_t i = 0; i < SYNC_FIELDS; i++) {
        const char *word = take_word(&text);
        if (word == NULL)
            return IQM_EINVAL;
        cursor.fields[i] = strcmp(word, "-") != 0 ? word : NULL;
    }
    cursor.selection = text != NULL ? take_word(&text) : SYNC_EVERYTHING;
    *ret_cursor = cursor;
    return text == NULL ? 0 : IQM_EINVAL;
}

int sync_cursor_read(struct iqm_call *call, struct iqm_slice text, struct sync_cursor *ret_cursor)
{
    uint8_t bytes[BYTES_MAX], mac[IQM_TOKEN_HASH];
    size_t length = 0;
    const char *end = NULL;

    if (sodium_base642bin(bytes, sizeof bytes, text.ptr, text.len, NULL, &length, &end,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text.ptr + text.len || length <= MAC)
        return IQM_EINVAL;
    sign(call, (const char *)bytes + MAC, length - MAC, mac);
    if (sodium_memcmp(mac, bytes, MAC) != 0)
        return IQM_EINVAL;
    char *copy = iqm_arena_copy(call->arena, (const char *)bytes + MAC, length - MAC);
    return copy != NULL ? split(copy, ret_cursor) : IQM_ENOMEM;
}

int sync_cursor_read_at(struct iqm_call *call, const char *text, const struct sync_place *place,
    struct sync_cursor *ret_cursor)
{
    const char *xid = iqm_arena_string(call->arena, place->xid);
    const char *record = iqm_arena_string(call->arena, place->record);
    const char *ceiling = iqm_arena_string(call->arena, place->ceiling);
    int error = sync_cursor_read(call, (struct iqm_slice){text, strlen(text)}, ret_cursor);

    if (error != 0 || xid == NULL || record == NULL || ceiling == NULL)
        return error != 0 ? error : IQM_ENOMEM;
    ret_cursor->fields[SYNC_XID] = xid;
    ret_cursor->fields[SYNC_RECORD] = record;
    ret_cursor->fields[SYNC_CEILING] = ceiling;
    return 0;
}

const char *sync_cursor_again(struct iqm_call *call, const struct sync_cursor *cursor)
{
    const char *fields = "";

    for (size_t i = 0; i < SYNC_FIELDS && fields != NULL; i++)
        fields = iqm_arena_printf(call->arena, i > 0 ? "%s %s" : "%s%s", fields,
            cursor->fields[i] != NULL ? cursor->fields[i] : "-");
    return fields != NULL ? sync_cursor_write(call, cursor->epoch, fields, cursor->selection)
                          : NULL;
}
