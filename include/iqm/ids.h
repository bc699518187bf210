/* Ids and times in the form the API shows them. */
#ifndef IQM_IDS_H
#define IQM_IDS_H

#include "iqm/base.h"

#define IQM_UUID_TEXT 37 /* 36 characters and the terminator */
#define IQM_TIME_TEXT 25 /* 2026-01-02T03:04:05.678Z and the terminator */

/* A new UUID of version 7 (RFC 9562, 5.7), lower case: ids made later in one thread sort later. */
void iqm_uuid7(char ret_text[static IQM_UUID_TEXT]);

/* Now, in UTC with milliseconds (RFC 3339). */
void iqm_time_now(char ret_text[static IQM_TIME_TEXT]);

/* Milliseconds of a clock that never goes back; for deadlines. */
uint64_t iqm_clock_ms(void);

#endif
