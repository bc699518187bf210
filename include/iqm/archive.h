/*
 * A ZIP archive that is written front to back, entry by entry, so that it can be sent while it is
 * made (PKWARE APPNOTE 4.4.4, sizes follow the data). By libarchive.
 */
#ifndef IQM_ARCHIVE_H
#define IQM_ARCHIVE_H

#include "iqm/buffer.h"

#include <time.h>

struct iqm_archive;

/* A new archive whose bytes are added to `out`, which is borrowed. NULL when memory is out. */
struct iqm_archive *iqm_archive_new(struct iqm_buffer *out);

/* Begins an entry and ends the one before. `name`: printable ASCII, "/" between folders. 0, or
 * IQM_ENOMEM, as of all of these. */
int iqm_archive_entry(struct iqm_archive *archive, const char *name, time_t made_at);

/* More of the entry's bytes. */
int iqm_archive_add(struct iqm_archive *archive, const char *bytes, size_t length);

/* Ends the last entry and writes the directory. */
int iqm_archive_end(struct iqm_archive *archive);

/* Frees it, whole or not. Accepts NULL. */
void iqm_archive_free(struct iqm_archive *archive);

#endif
