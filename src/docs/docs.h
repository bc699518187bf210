/* What the documentation is made of: files that embed.py turns into tables at build time. */
#ifndef IQM_DOCS_H
#define IQM_DOCS_H

#include "iqm/base.h"

/* A page that explains what holds for many operations. */
struct docs_guide {
    const char *name; /* "paging": last part of its path */
    const char *title;
    const char *html; /* what stands below the title; well-formed, without scripts */
};

struct iqm_page;

/* Adds an item of a list for each guide, which leads there. */
void docs_add_guides(struct iqm_page *page);

/* A script or style sheet, as it is and compressed with gzip. */
struct docs_asset {
    const char *name; /* "reference.js" */
    const char *media_type;
    struct iqm_slice plain, packed;
};

extern const struct docs_guide docs_guides[]; /* in the order to read them; ends with name NULL */
extern const struct docs_asset docs_assets[]; /* ends with name NULL */
extern const char docs_release[];             /* a hash over all assets */

#endif
