/* Lines of iCalendar; knows nobody's data. */
#include "iqm/icalendar.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a line without its end (RFC 5545, 3.1). */
#define LINE_MAX_BYTES 75
#define ZONE "Europe/London"

/* A content line under way. */
struct line {
    struct iqm_buffer *out;
    size_t length; /* of what stands in the present piece of it */
};

/* How many bytes the character at `text` has. What is no UTF-8 goes byte by byte. */
static size_t character_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;

    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
    }
    return length;
}

/* Adds bytes that stay together. The space that a folded piece begins with counts. */
static void add(struct line *line, const char *bytes, size_t length)
{
    if (line->length + length > LINE_MAX_BYTES) {
        iqm_buffer_text(line->out, "\r\n ");
        line->length = 1;
    }
    iqm_buffer_add(line->out, bytes, length);
    line->length += length;
}

static void add_plain(struct line *line, const char *text)
{
    for (size_t length; *text != '\0'; text += length) {
        length = character_length(text);
        add(line, text, length);
    }
}

static bool is_line_break(const char *text)
{
    return *text == '\n' || (*text == '\r' && text[1] != '\n');
}

/* TEXT of RFC 5545, 3.3.11. A character and its backslash stay in one piece. */
static void add_text(struct line *line, const char *text)
{
    for (size_t length; *text != '\0'; text += length) {
        unsigned char byte = (unsigned char)*text;
        length = character_length(text);
        if (is_line_break(text))
            add(line, "\\n", 2);
        else if (strchr("\\;,", byte) != NULL)
            add(line, (const char[]){'\\', *text}, 2);
        else if ((byte >= 0x20 && byte != 0x7f) || byte == '\t')
            add(line, text, length);
    }
}

static struct line begin_line(struct iqm_buffer *out, const char *name)
{
    struct line line = {.out = out};

    add_plain(&line, name);
    add(&line, ":", 1);
    return line;
}

void iqm_icalendar_line(struct iqm_buffer *out, const char *name, const char *value)
{
    struct line line = begin_line(out, name);

    add_plain(&line, value);
    iqm_buffer_text(out, "\r\n");
}

void iqm_icalendar_text(struct iqm_buffer *out, const char *name, const char *text)
{
    struct line line = begin_line(out, name);

    add_text(&line, text);
    iqm_buffer_text(out, "\r\n");
}

/* UK time (Summer Time Order 2002), in this form since 1996: that is long enough ago. */
static const char zone[] = "BEGIN:VTIMEZONE\r\n"
                           "TZID:" ZONE "\r\n"
                           "X-LIC-LOCATION:" ZONE "\r\n"
                           "BEGIN:DAYLIGHT\r\n"
                           "DTSTART:19960331T010000\r\n"
                           "TZOFFSETFROM:+0000\r\n"
                           "TZOFFSETTO:+0100\r\n"
                           "TZNAME:BST\r\n"
                           "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"
                           "END:DAYLIGHT\r\n"
                           "BEGIN:STANDARD\r\n"
                           "DTSTART:19961027T020000\r\n"
                           "TZOFFSETFROM:+0100\r\n"
                           "TZOFFSETTO:+0000\r\n"
                           "TZNAME:GMT\r\n"
                           "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n"
                           "END:STANDARD\r\n"
                           "END:VTIMEZONE\r\n";

/* Programs that do not know RFC 7986 take name and interval from the X- lines. */
void iqm_icalendar_begin(struct iqm_buffer *out, const struct iqm_icalendar *calendar)
{
    iqm_buffer_text(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
                         "PRODID:-//Inclusion Quality Mark//iqm-api//EN\r\nCALSCALE:GREGORIAN\r\n");
    iqm_icalendar_line(out, "UID", calendar->id);
    iqm_icalendar_text(out, "NAME", calendar->name);
    iqm_icalendar_text(out, "X-WR-CALNAME", calendar->name);
    iqm_buffer_text(out, "X-WR-TIMEZONE:" ZONE "\r\n");
    iqm_icalendar_line(out, "REFRESH-INTERVAL;VALUE=DURATION", calendar->refresh);
    iqm_icalendar_line(out, "X-PUBLISHED-TTL", calendar->refresh);
    iqm_buffer_text(out, zone);
}

static void add_time(struct iqm_buffer *out, const char *name, const char *day, const char *time)
{
    char text[16];

    snprintf(text, sizeof text, "%.8sT%.4s00", day, time);
    iqm_icalendar_line(out, name, text);
}

static void add_days(struct iqm_buffer *out, const struct iqm_icalendar_event *event)
{
    if (event->time == NULL) {
        iqm_icalendar_line(out, "DTSTART;VALUE=DATE", event->day);
        iqm_icalendar_line(out, "DTEND;VALUE=DATE", event->next_day);
        iqm_icalendar_line(out, "TRANSP", "TRANSPARENT");
        return;
    }
    add_time(out, "DTSTART;TZID=" ZONE, event->day, event->time);
    if (event->end != NULL)
        add_time(out, "DTEND;TZID=" ZONE, event->day, event->end);
    else
        iqm_icalendar_line(out, "DURATION", event->duration);
    iqm_icalendar_line(out, "TRANSP", event->cancelled ? "TRANSPARENT" : "OPAQUE");
}

static void add_texts(struct iqm_buffer *out, const struct iqm_icalendar_event *event)
{
    iqm_icalendar_text(out, "SUMMARY", event->summary);
    if (event->location != NULL)
        iqm_icalendar_text(out, "LOCATION", event->location);
    if (event->description != NULL)
        iqm_icalendar_text(out, "DESCRIPTION", event->description);
    if (event->url != NULL)
        iqm_icalendar_line(out, "URL", event->url);
}

void iqm_icalendar_event(struct iqm_buffer *out, const struct iqm_icalendar_event *event)
{
    iqm_buffer_text(out, "BEGIN:VEVENT\r\n");
    iqm_icalendar_line(out, "UID", event->uid);
    iqm_icalendar_line(out, "DTSTAMP", event->changed);
    iqm_icalendar_line(out, "CREATED", event->created);
    iqm_icalendar_line(out, "LAST-MODIFIED", event->changed);
    iqm_icalendar_line(out, "SEQUENCE", event->sequence);
    iqm_icalendar_line(out, "STATUS", event->cancelled ? "CANCELLED" : "CONFIRMED");
    add_days(out, event);
    add_texts(out, event);
    iqm_buffer_text(out, "END:VEVENT\r\n");
}

void iqm_icalendar_end(struct iqm_buffer *out)
{
    iqm_buffer_text(out, "END:VCALENDAR\r\n");
}
