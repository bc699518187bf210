/*
 * A calendar as calendar programs read it (RFC 5545, with the name and refresh interval of RFC
 * 7986): lines that end with CRLF and are folded at 75 bytes between characters, times in the zone
 * of the schools, which is described along.
 */
#ifndef IQM_ICALENDAR_H
#define IQM_ICALENDAR_H

#include "iqm/buffer.h"

struct iqm_icalendar {
    const char *id;      /* a uuid */
    const char *name;    /* any text */
    const char *refresh; /* a duration, such as PT1H */
};

/* All borrowed, and NULL where there is none; times in UTC are YYYYMMDD"T"HHMMSS"Z". */
struct iqm_icalendar_event {
    const char *uid;      /* a uuid */
    const char *sequence; /* a number that grows with each change */
    const char *created, *changed;
    const char *day, *next_day; /* YYYYMMDD */
    const char *time, *end;     /* HHMM where the schools are; time NULL: all day */
    const char *duration;       /* of one that has a time but no end, such as PT1H */
    const char *summary, *description, *location; /* any texts */
    const char *url;
    bool cancelled;
};

/* A line with a value that is written as it is: of ours, or checked. */
void iqm_icalendar_line(struct iqm_buffer *out, const char *name, const char *value);

/* A line with any text. Line breaks stay; other control characters are left out. */
void iqm_icalendar_text(struct iqm_buffer *out, const char *name, const char *text);

void iqm_icalendar_begin(struct iqm_buffer *out, const struct iqm_icalendar *calendar);
void iqm_icalendar_event(struct iqm_buffer *out, const struct iqm_icalendar_event *event);
void iqm_icalendar_end(struct iqm_buffer *out);

#endif
