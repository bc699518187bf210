/* The formats that there are. */
#ifndef IQM_RESOURCE_EXPORT_FORMATS_H
#define IQM_RESOURCE_EXPORT_FORMATS_H

#include "iqm/export.h"

extern const struct iqm_export_format export_csv, export_ndjson, export_json, export_xlsx;

#endif
