/*
 * The thread that brings uploaded files of the register in, one after the other, whatever happens
 * to process or database meanwhile: an upload that was acknowledged is imported exactly once.
 */
#ifndef IQM_IMPORTER_H
#define IQM_IMPORTER_H

#include "iqm/config.h"

struct iqm_importer;

/* Starts the thread and takes up what an earlier process left; NULL, after logging what, when it
 * cannot. The configuration is borrowed until iqm_importer_stop. The thread takes no signals. */
struct iqm_importer *iqm_importer_start(const struct iqm_config *config);

/* Tells it that there is a new file; from any thread. Accepts NULL. */
void iqm_importer_wake(struct iqm_importer *importer);

/* Stops a running import, which is rolled back and taken up at the next start, and frees. Waits for
 * that: seconds at most. Accepts NULL. */
void iqm_importer_stop(struct iqm_importer *importer);

#endif
