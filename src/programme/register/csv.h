/*
 * Bytes to rows: what encoding a file is in, and an RFC 4180 reader fed piece by piece.
 * Knows neither files nor schools; holds at most one row, whatever the file's size.
 */
#ifndef IQM_REGISTER_CSV_H
#define IQM_REGISTER_CSV_H

#include "iqm/base.h"

/* Bounds, in bytes of UTF-8. A file beyond them is refused, never cut. */
#define IQM_CSV_FIELD_MAX ((size_t)64 * 1024)
#define IQM_CSV_ROW_MAX ((size_t)1024 * 1024)
#define IQM_CSV_COLUMNS_MAX 1000

enum iqm_encoding { IQM_ENCODING_UTF8, IQM_ENCODING_WINDOWS_1252 };

/* Why a file cannot be read; `reason` is a static sentence. Line 0 is the file as a whole. */
struct iqm_csv_fault {
    uint64_t line;
    const char *reason;
};

/* Sees the whole file once before it is read: only its end tells UTF-8 from Windows-1252. */
struct iqm_probe {
    unsigned char head[64];
    uint64_t size, line;
    uint64_t nul_line, control_line, invalid_line, undefined_line; /* the first ones; 0 is none */
    uint64_t sequences, invalid;   /* well-formed UTF-8 sequences beyond ASCII, bytes in none */
    unsigned char need, low, high; /* of the UTF-8 sequence under way */
    bool after_cr;
};

void iqm_probe_init(struct iqm_probe *probe);
void iqm_probe_push(struct iqm_probe *probe, const char *bytes, size_t len);

/*
 * 0 with the encoding and the length of the byte order mark to skip, or IQM_EINVAL with the fault:
 * empty, UTF-16, an archive, binary data, a byte that the encoding does not have.
 */
int iqm_probe_finish(struct iqm_probe *probe, enum iqm_encoding *ret_encoding, size_t *ret_skip,
    struct iqm_csv_fault *ret_fault);

/* One row; borrowed, valid during the callback. Fields are UTF-8, with quotes taken off. */
struct iqm_csv_row {
    uint64_t line; /* physical line on which the row starts, from 1 */
    const struct iqm_slice *fields;
    size_t count;
    bool ended; /* by a line break: false only for a last row without one */
};

/* 0 to go on; anything else stops the reader, which passes it on. */
typedef int iqm_csv_row_fn(void *user, const struct iqm_csv_row *row);

struct iqm_csv;

/* New reader, ended with iqm_csv_free; NULL when memory is out. */
struct iqm_csv *iqm_csv_new(enum iqm_encoding encoding, iqm_csv_row_fn *row, void *user);
void iqm_csv_free(struct iqm_csv *csv);
void iqm_csv_freep(struct iqm_csv **csv);

/*
 * 0, IQM_EINVAL with a fault recorded, IQM_ENOMEM, or what the callback returned. Lines end with
 * CRLF, LF or CR; empty lines are skipped. Once it has failed it must not be called again.
 */
int iqm_csv_push(struct iqm_csv *csv, const char *bytes, size_t len);

/* The end of the file: reports a last row without a line break, or an open quote as a fault. */
int iqm_csv_finish(struct iqm_csv *csv);

/* The fault after IQM_EINVAL; its reason is NULL when the callback was what said no. */
struct iqm_csv_fault iqm_csv_fault(const struct iqm_csv *csv);

#endif
