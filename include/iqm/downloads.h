/*
 * Files with the whole programme, made in the background for those who asked (programme_download in
 * migrations/0045_programme_downloads.sql): one at a time by each instance, begun anew by another
 * where one was cut off. They are kept in pieces, sealed under a key of the file's own, for a day.
 */
#ifndef IQM_DOWNLOADS_H
#define IQM_DOWNLOADS_H

#include "iqm/config.h"
#include "iqm/seal.h"

/* Bytes of a piece before it is sealed. */
#define IQM_DOWNLOAD_PIECE ((size_t)256 * 1024)
/* How long making one may hold its snapshot: so long, the database keeps what was deleted. */
#define IQM_DOWNLOAD_SECONDS 1800

struct iqm_downloader;

/* Starts the thread. NULL when it cannot start. What it is given is borrowed until it is stopped.
 */
struct iqm_downloader *iqm_downloader_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets);

/* Says that one waits; from any thread. Accepts NULL. */
void iqm_downloader_wake(struct iqm_downloader *downloader);

/* Ends it and frees: what it was at is begun anew by the next. Accepts NULL. */
void iqm_downloader_stop(struct iqm_downloader *downloader);

#endif
