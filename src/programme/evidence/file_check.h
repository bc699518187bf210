/* Whether what was uploaded is what it says it is. Reads a file; may take its time. */
#ifndef IQM_EVIDENCE_FILE_CHECK_H
#define IQM_EVIDENCE_FILE_CHECK_H

#include "iqm/sniffer.h"

enum file_verdict { FILE_GOOD, FILE_OTHER_TYPE, FILE_NOT_UTF8, FILE_UNREADABLE };

/* `room` is for IQM_SNIFF_BYTES; `ret_found` is what the beginning looks like. */
enum file_verdict file_check(struct iqm_sniffer *sniffer, int file, const char *declared,
    char *room, char ret_found[static IQM_MEDIA_TYPE_TEXT]);

/* Reads up to `len` bytes from a place in the file: how many there were, or negative. */
int64_t file_read(int file, uint64_t from, char *room, size_t len);

#endif
