/* Range (RFC 9110, 14) and digests (RFC 9530). */
#include "programme/evidence/file_head.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

/* Takes digits off the front; what is larger than any file stays as large as can be. */
static bool take_number(struct iqm_slice *rest, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t len = 0;

    for (; len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9'; len++) {
        uint64_t digit = (uint64_t)(rest->ptr[len] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *rest = (struct iqm_slice){rest->ptr + len, rest->len - len};
    *ret_value = value;
    return len > 0;
}

static struct iqm_slice trim(struct iqm_slice text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t'))
        text = (struct iqm_slice){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

enum range_kind range_read(
    struct iqm_slice text, uint64_t size, uint64_t *ret_first, uint64_t *ret_last)
{
    struct iqm_slice rest = text;
    uint64_t first = 0;
    uint64_t last = 0;

    if (rest.ptr == NULL || rest.len < 6 || strncasecmp(rest.ptr, "bytes=", 6) != 0)
        return RANGE_NONE;
    rest = trim((struct iqm_slice){rest.ptr + 6, rest.len - 6});
    bool has_first = take_number(&rest, &first);
    if (rest.len == 0 || *rest.ptr != '-')
        return RANGE_NONE;
    rest = (struct iqm_slice){rest.ptr + 1, rest.len - 1};
    bool has_last = take_number(&rest, &last);
    if (rest.len > 0 || (!has_first && !has_last) || (has_first && has_last && first > last))
        return RANGE_NONE;
    if (has_first ? first >= size : last == 0 || size == 0)
        return RANGE_UNSATISFIABLE;
    *ret_first = has_first ? first : size - (last < size ? last : size);
    *ret_last = has_first && has_last && last < size ? last : size - 1;
    return RANGE_PART;
}

static int decode(struct iqm_slice value, uint8_t ret_sha256[static SHA256_BYTES])
{
    uint8_t bytes[SHA256_BYTES];
    size_t length = 0;

    if (value.len < 2 || value.ptr[0] != ':' || value.ptr[value.len - 1] != ':' ||
        sodium_base642bin(bytes, sizeof bytes, value.ptr + 1, value.len - 2, NULL, &length, NULL,
            sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length != sizeof bytes)
        return IQM_EINVAL;
    memcpy(ret_sha256, bytes, sizeof bytes);
    return 0;
}

int digest_read(struct iqm_slice text, uint8_t ret_sha256[static SHA256_BYTES])
{
    static const char name[] = "sha-256=";
    struct iqm_slice rest = text;

    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t length = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;
        struct iqm_slice member = trim((struct iqm_slice){rest.ptr, length});
        size_t step = comma != NULL ? length + 1 : length;
        rest = (struct iqm_slice){rest.ptr + step, rest.len - step};
        if (member.len >= strlen(name) && memcmp(member.ptr, name, strlen(name)) == 0)
            return decode((struct iqm_slice){member.ptr + strlen(name), member.len - strlen(name)},
                ret_sha256);
    }
    return IQM_ENOTFOUND;
}
