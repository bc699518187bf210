/*
 * Sends a file that is stored in chunks: the whole, or the part that Range asks for (RFC 9110, 14).
 * Each chunk is read as the caller, who may have lost the right to it meanwhile, when the client
 * has taken the one before. A file that goes or is replaced meanwhile breaks off; its entity tag
 * keeps a client from going on with another.
 */
#ifndef IQM_PROGRAMME_STORED_FILE_H
#define IQM_PROGRAMME_STORED_FILE_H

#include "programme/step.h"

struct stored_file {
    struct step *step;
    const char *id, *sha256, *media_type; /* the digest in hexadecimal is the entity tag */
    uint64_t size;
    size_t chunk_bytes;                /* of each but the last */
    const struct iqm_statement *chunk; /* by `id` and number */
    /* Makes of a chunk as it is stored what is to be sent; false: it is not good. NULL: nothing is
     * to be done. */
    bool (*open)(struct stored_file *file, uint64_t number, struct iqm_slice *chunk);
    /* What the whole and a part have beside the fields of ranges: the ETag is among them. */
    void (*add_headers)(struct stored_file *file);
    void *user;

    /* The sending's own. */
    uint64_t next, end; /* the bytes that are still to be sent */
    char number[24];
};

/* Answers the call with 200, 206 or 416. The file and its texts live as long as the call. */
void stored_file_send(struct stored_file *file);

#endif
