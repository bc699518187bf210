/* Bytes that grow as they are added, for what is put together piece by piece. */
#ifndef IQM_BUFFER_H
#define IQM_BUFFER_H

#include "iqm/base.h"

/* Begins as {0}. Once memory was out, `failed` says so and nothing more is added. */
struct iqm_buffer {
    char *bytes;
    size_t length, room;
    bool failed;
};

void iqm_buffer_add(struct iqm_buffer *buffer, const char *bytes, size_t length);

/* A string; `text` is borrowed. */
void iqm_buffer_text(struct iqm_buffer *buffer, const char *text);

/* Forgets what was added and keeps the room. */
void iqm_buffer_empty(struct iqm_buffer *buffer);

/* Frees the bytes; also for IQM_CLEANUP. */
void iqm_buffer_free(struct iqm_buffer *buffer);

#endif
