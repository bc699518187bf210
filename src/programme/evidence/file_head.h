/* The header fields that go with a file, as texts: how it is named, which part of it is wanted,
 * which digest it has. Knows no request. */
#ifndef IQM_EVIDENCE_FILE_HEAD_H
#define IQM_EVIDENCE_FILE_HEAD_H

#include "iqm/arena.h"

/* Bytes of a file's name, in UTF-8. */
#define FILE_NAME_MAX 255
#define SHA256_BYTES 32

/*
 * The name that Content-Disposition gives (RFC 6266; filename* of RFC 8187 goes first), without a
 * path and without characters that are not to be seen. IQM_EINVAL: not of that form, not
 * `attachment`, not UTF-8; IQM_ENOTFOUND: it gives no name, or none is left; IQM_ELIMIT: too long;
 * IQM_ENOMEM.
 */
int file_name_read(struct iqm_arena *arena, struct iqm_slice text, const char **ret_name);

/* Content-Disposition for a name that file_name_read gave; NULL when memory is out. */
const char *file_name_write(struct iqm_arena *arena, const char *name);

enum range_kind {
    RANGE_NONE, /* the whole: no range, several, or not of that form (RFC 9110, 14.2) */
    RANGE_PART,
    RANGE_UNSATISFIABLE,
};

/* What Range asks for of so many bytes; for a part, its first and last byte. */
enum range_kind range_read(
    struct iqm_slice text, uint64_t size, uint64_t *ret_first, uint64_t *ret_last);

/* The member sha-256 of Content-Digest or Repr-Digest (RFC 9530). 0, IQM_ENOTFOUND: there is none,
 * or IQM_EINVAL. */
int digest_read(struct iqm_slice text, uint8_t ret_sha256[static SHA256_BYTES]);

#endif
