/* A file against the type it was sent as. */
#include "programme/evidence/file_check.h"

#include "iqm/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int64_t file_read(int file, uint64_t from, char *room, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t step = pread(file, room + got, len - got, (off_t)(from + got));
        if (step < 0 && errno == EINTR)
            continue;
        if (step < 0)
            return IQM_EIO;
        if (step == 0)
            break;
        got += (size_t)step;
    }
    return (int64_t)got;
}

/* The bytes at the end that may begin a code point which goes on: three at most. */
static size_t unfinished(const char *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)text[len - back];
        if ((c & 0xC0) == 0xC0)
            return back < (c >= 0xF0 ? 4U : c >= 0xE0 ? 3U : 2U) ? back : 0;
        if ((c & 0x80) == 0)
            return 0;
    }
    return 0;
}

static enum file_verdict check_text(int file, char *room)
{
    uint64_t at = 0;
    int64_t got = file_read(file, 0, room, IQM_SNIFF_BYTES);

    if (got >= 2 && memcmp(room, "#!", 2) == 0)
        return FILE_OTHER_TYPE;
    while (got > 0) {
        size_t len = (size_t)got;
        if (len == IQM_SNIFF_BYTES)
            len -= unfinished(room, len);
        if (!iqm_text_is_utf8(room, len))
            return FILE_NOT_UTF8;
        at += len;
        got = file_read(file, at, room, IQM_SNIFF_BYTES);
    }
    return got < 0 ? FILE_UNREADABLE : FILE_GOOD;
}

enum file_verdict file_check(struct iqm_sniffer *sniffer, int file, const char *declared,
    char *room, char ret_found[static IQM_MEDIA_TYPE_TEXT])
{
    int64_t got = file_read(file, 0, room, IQM_SNIFF_BYTES);

    if (got < 0)
        return FILE_UNREADABLE;
    iqm_sniff(sniffer, room, (size_t)got, ret_found);
    if (!iqm_sniff_agrees(ret_found, declared))
        return FILE_OTHER_TYPE;
    return strcmp(declared, "text/plain") == 0 ? check_text(file, room) : FILE_GOOD;
}
