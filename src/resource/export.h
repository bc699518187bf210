/* Lists as files: everything that a list would page through, from one snapshot. */
#ifndef IQM_RESOURCE_EXPORT_H
#define IQM_RESOURCE_EXPORT_H

#include "iqm/export.h"
#include "iqm/walk.h"
#include "listing.h"

struct exporting {
    struct iqm_export export;
    struct listing *listing;
    struct iqm_walk walk;
    const struct iqm_slice *documents; /* of the fetch under way */
    size_t document_count;

    /* That people's data is given out. */
    struct iqm_pg_batch note;
    struct iqm_pg_value note_values[2];
};

void export_list(
    struct iqm_call *call, const struct iqm_export_format *format, struct listing *listing);

#endif
