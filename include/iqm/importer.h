/* Imports in the background: one thread a process. */
#ifndef IQM_IMPORTER_H
#define IQM_IMPORTER_H

#include "iqm/config.h"

struct iqm_importer;

struct iqm_importer *iqm_importer_start(const struct iqm_config *config);
void iqm_importer_wake(struct iqm_importer *importer);
void iqm_importer_stop(struct iqm_importer *importer);

#endif
