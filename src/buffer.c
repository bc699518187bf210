/* Bytes that grow as they are added. */
#include "iqm/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096

static bool grow(struct iqm_buffer *buffer, size_t length)
{
    size_t room = buffer->room > 0 ? buffer->room : FIRST_ROOM;

    while (room - buffer->length < length)
        room *= 2;
    char *grown = realloc(buffer->bytes, room);
    buffer->failed = grown == NULL;
    if (grown == NULL)
        return false;
    buffer->bytes = grown;
    buffer->room = room;
    return true;
}

void iqm_buffer_add(struct iqm_buffer *buffer, const char *bytes, size_t length)
{
    if (buffer->failed || length == 0 ||
        (buffer->room - buffer->length < length && !grow(buffer, length)))
        return;
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void iqm_buffer_text(struct iqm_buffer *buffer, const char *text)
{
    iqm_buffer_add(buffer, text, strlen(text));
}

void iqm_buffer_empty(struct iqm_buffer *buffer)
{
    buffer->length = 0;
}

void iqm_buffer_free(struct iqm_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct iqm_buffer){.bytes = NULL};
}
