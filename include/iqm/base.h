/* The words every room uses: error codes, clean-up on scope exit, byte slices. */
#ifndef IQM_BASE_H
#define IQM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs `fn(&variable)` when the variable leaves its scope; `fn` accepts a NULL inside. */
#define IQM_CLEANUP(fn) __attribute__((cleanup(fn)))

#define IQM_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Functions that can fail return 0 or one of these, always negative. Output parameters are named
 * ret_… and are left alone on failure.
 */
enum iqm_error {
    IQM_ENOMEM = -1,    /* memory, or the arena's bound, is used up */
    IQM_EINVAL = -2,    /* the input is not of the form it should be */
    IQM_ENOTFOUND = -3, /* there is no such thing */
    IQM_ELIMIT = -4,    /* a documented bound was reached */
    IQM_EIO = -5,       /* the operating system refused */
    IQM_EPG = -6,       /* PostgreSQL refused the statement: look at its SQLSTATE */
    IQM_EPGLOST = -7,   /* the connection to PostgreSQL is gone, or never came */
    IQM_EPROBLEM = -8,  /* the reason is told in the problem passed along */
};

/* Borrowed bytes: not terminated, never freed through this. */
struct iqm_slice {
    const char *ptr;
    size_t len;
};

#define IQM_SLICE(literal) ((struct iqm_slice){(literal), sizeof(literal) - 1})

/* Closes *fd unless it is negative; for IQM_CLEANUP. */
void iqm_close_fd(int *fd);

/* free(*pointer); for IQM_CLEANUP on `char *` and the like. */
void iqm_free_pointer(void *pointer);

bool iqm_slice_equal(struct iqm_slice a, struct iqm_slice b);
bool iqm_slice_equal_string(struct iqm_slice a, const char *b);

#endif
