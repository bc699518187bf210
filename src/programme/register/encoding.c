/*
 * Finds out what a file is before it is read: UTF-8, Windows-1252, or nothing we can take.
 * Must not convert or keep anything: it sees bytes go by and remembers where the first odd one was.
 */
#include "programme/register/csv.h"

#include <string.h>

void iqm_probe_init(struct iqm_probe *probe)
{
    *probe = (struct iqm_probe){.line = 1};
}

static void note_first(uint64_t *line, uint64_t now)
{
    if (*line == 0)
        *line = now;
}

static void count_line(struct iqm_probe *probe, unsigned char byte)
{
    if (byte == '\r' || (byte == '\n' && !probe->after_cr))
        probe->line++;
    probe->after_cr = byte == '\r';
}

/* The five bytes to which Windows-1252 gives no character. */
static bool is_undefined_1252(unsigned char byte)
{
    return byte == 0x81 || byte == 0x8d || byte == 0x8f || byte == 0x90 || byte == 0x9d;
}

static void expect(
    struct iqm_probe *probe, unsigned char need, unsigned char low, unsigned char high)
{
    probe->need = need;
    probe->low = low;
    probe->high = high;
}

/* First byte of a sequence, with the range its second byte must be in (Unicode, table 3-7). */
static bool start_sequence(struct iqm_probe *probe, unsigned char byte)
{
    if (byte >= 0xc2 && byte <= 0xdf)
        expect(probe, 1, 0x80, 0xbf);
    else if (byte >= 0xe0 && byte <= 0xef)
        expect(probe, 2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    else if (byte >= 0xf0 && byte <= 0xf4)
        expect(probe, 3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
    else
        return false;
    return true;
}

static void note_invalid(struct iqm_probe *probe)
{
    probe->invalid++;
    probe->need = 0;
    note_first(&probe->invalid_line, probe->line);
}

static void follow_utf8(struct iqm_probe *probe, unsigned char byte)
{
    if (probe->need > 0 && byte >= probe->low && byte <= probe->high) {
        expect(probe, (unsigned char)(probe->need - 1), 0x80, 0xbf);
        probe->sequences += probe->need == 0;
        return;
    }
    if (probe->need > 0)
        note_invalid(probe);
    if (byte >= 0x80 && !start_sequence(probe, byte))
        note_invalid(probe);
}

static void look_at(struct iqm_probe *probe, unsigned char byte)
{
    follow_utf8(probe, byte);
    if (byte == 0)
        note_first(&probe->nul_line, probe->line);
    else if (byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n'))
        note_first(&probe->control_line, probe->line);
    else if (is_undefined_1252(byte))
        note_first(&probe->undefined_line, probe->line);
    count_line(probe, byte);
}

void iqm_probe_push(struct iqm_probe *probe, const char *bytes, size_t len)
{
    if (probe->size < sizeof(probe->head)) {
        size_t room = sizeof(probe->head) - (size_t)probe->size;
        memcpy(probe->head + probe->size, bytes, len < room ? len : room);
    }
    probe->size += len;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte < 0x7f && probe->need == 0)
            probe->after_cr = false;
        else
            look_at(probe, byte);
    }
}

static bool starts_with(const struct iqm_probe *probe, const char *bytes, size_t len)
{
    return probe->size >= len && memcmp(probe->head, bytes, len) == 0;
}

/* UTF-16 without its mark: English text has a NUL in every second byte. */
static bool looks_utf16(const struct iqm_probe *probe)
{
    size_t len = probe->size < sizeof(probe->head) ? (size_t)probe->size : sizeof(probe->head);
    size_t zeros[2] = {0, 0};
    for (size_t i = 0; i < len; i++)
        zeros[i % 2] += probe->head[i] == 0;
    size_t half = len / 2;
    return half >= 4 && (zeros[0] == 0 || zeros[1] == 0) && zeros[0] + zeros[1] >= half * 3 / 4;
}

static int refuse(struct iqm_csv_fault *ret_fault, uint64_t line, const char *reason)
{
    *ret_fault = (struct iqm_csv_fault){line, reason};
    return IQM_EINVAL;
}

/* What the first bytes give away. */
static int check_head(const struct iqm_probe *probe, struct iqm_csv_fault *ret_fault)
{
    if (probe->size == 0)
        return refuse(ret_fault, 0, "The file is empty.");
    if (starts_with(probe, "PK\x03\x04", 4))
        return refuse(ret_fault, 0,
            "The file is a ZIP archive or a spreadsheet; unpack it, or save it as CSV.");
    if (starts_with(probe, "\x1f\x8b", 2))
        return refuse(ret_fault, 0, "The file is compressed with gzip; unpack it first.");
    if (starts_with(probe, "%PDF-", 5))
        return refuse(ret_fault, 0, "The file is a PDF document, not CSV.");
    if (starts_with(probe, "\xff\xfe", 2) || starts_with(probe, "\xfe\xff", 2) ||
        looks_utf16(probe))
        return refuse(ret_fault, 0, "The file is in UTF-16; save it as CSV in UTF-8.");
    return 0;
}

/* A damaged UTF-8 file must not pass for Windows-1252, in which nearly every byte is a letter. */
static int choose(const struct iqm_probe *probe, bool mark, enum iqm_encoding *ret_encoding,
    struct iqm_csv_fault *ret_fault)
{
    if (probe->invalid > 0 && (mark || probe->sequences > probe->invalid))
        return refuse(ret_fault, probe->invalid_line,
            "This line has bytes that are not valid UTF-8, as the rest of the file is: it is "
            "damaged.");
    if (probe->invalid > 0 && probe->undefined_line > 0)
        return refuse(ret_fault, probe->undefined_line,
            "This line has a byte that neither UTF-8 nor Windows-1252 allows.");
    *ret_encoding = probe->invalid > 0 ? IQM_ENCODING_WINDOWS_1252 : IQM_ENCODING_UTF8;
    return 0;
}

int iqm_probe_finish(struct iqm_probe *probe, enum iqm_encoding *ret_encoding, size_t *ret_skip,
    struct iqm_csv_fault *ret_fault)
{
    if (probe->need > 0)
        note_invalid(probe);
    int r = check_head(probe, ret_fault);
    if (r < 0)
        return r;
    if (probe->nul_line > 0)
        return refuse(ret_fault, probe->nul_line, "This line has a NUL byte: the file is binary.");
    if (probe->control_line > 0)
        return refuse(ret_fault, probe->control_line,
            "This line has a control character: the file is binary or damaged.");
    bool mark = starts_with(probe, "\xef\xbb\xbf", 3);
    r = choose(probe, mark, ret_encoding, ret_fault);
    if (r == 0)
        *ret_skip = mark ? 3 : 0;
    return r;
}
