/*
 * Tells of what media type bytes are, by libmagic: one set of rules for the whole program, asked by
 * one thread at a time. Asks libmagic for its rules and for text only, not for what looks into
 * archives, programs or documents.
 */
#ifndef IQM_SNIFFER_H
#define IQM_SNIFFER_H

#include "iqm/base.h"

struct iqm_sniffer;

/* As much of a file as it looks at. */
#define IQM_SNIFF_BYTES ((size_t)256 * 1024)

#define IQM_MEDIA_TYPE_TEXT 128

/* NULL where the rules cannot be loaded. */
struct iqm_sniffer *iqm_sniffer_open(void);

/* Accepts NULL. */
void iqm_sniffer_close(struct iqm_sniffer *sniffer);

/* The media type of what begins with these bytes; from any thread. */
void iqm_sniff(struct iqm_sniffer *sniffer, const char *bytes, size_t len,
    char ret_type[static IQM_MEDIA_TYPE_TEXT]);

/* Whether what was found may be called by this name: it is that, or some text that is no mark-up
 * and no script and is called text/plain. */
bool iqm_sniff_agrees(const char *found, const char *declared);

#endif
