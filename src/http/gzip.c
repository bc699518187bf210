/* gzip for answers that are worth it. */
#include "request.h"

#include <string.h>
#include <zlib.h>

/* Level 1: on a page of documents it saves nearly what level 6 does in a third of the time. */
#define LEVEL 1
#define GZIP_WINDOW (15 + 16)

/* The compressor's tables are large: one a thread, reset for each answer. */
static _Thread_local z_stream stream;
static _Thread_local bool ready;

void gzip_close(void)
{
    if (ready)
        deflateEnd(&stream);
    ready = false;
}

static z_stream *compressor(void)
{
    if (!ready) {
        if (deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return NULL;
        ready = true;
    } else if (deflateReset(&stream) != Z_OK) {
        return NULL;
    }
    return &stream;
}

const char *gzip_compress(struct iqm_arena *arena, const char *bytes, size_t len, size_t *ret_len)
{
    if (compressor() == NULL || len > UINT32_MAX / 2)
        return NULL;
    size_t room = deflateBound(&stream, len);
    char *out = iqm_arena_bytes(arena, room);
    if (out == NULL)
        return NULL;
    stream.next_in = (z_const Bytef *)bytes;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END || stream.total_out >= len)
        return NULL;
    *ret_len = stream.total_out;
    return out;
}
