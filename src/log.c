/* The log: JSON lines on standard output, gathered per thread so that a turn costs one write. */
#include "iqm/log.h"

#include "iqm/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATHER_MAX (32 * 1024)

static enum iqm_log_level threshold = IQM_LOG_INFO;

static _Thread_local struct {
    char text[GATHER_MAX];
    size_t length;
    bool on;
} gathered;

/* A log that cannot be written must not stop the service: what is lost is lost, in whole lines as
 * far as a reader can tell. */
static void write_out(const char *text, size_t length)
{
    static atomic_bool cut;

    if (length > 0 && atomic_exchange(&cut, false) && write(STDOUT_FILENO, "\n", 1) != 1)
        atomic_store(&cut, true);
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            atomic_store(&cut, true);
            return;
        }
        text += written;
        length -= (size_t)written;
    }
}

/* A reader that has stopped reading would otherwise stop every worker with it. */
static void never_wait(void)
{
    struct stat status;
    int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (flags >= 0 && fstat(STDOUT_FILENO, &status) == 0 &&
        (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
        fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
}

void iqm_log_open(enum iqm_log_level level)
{
    threshold = level;
    never_wait();
}

static void append(struct iqm_log_line *line, const char *text, size_t length)
{
    /* Three bytes stay free for the closing quote, brace and newline. */
    size_t room = sizeof line->text - 3 - line->length;

    if (length > room)
        length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void append_escaped(struct iqm_log_line *line, const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        unsigned char byte = (unsigned char)*p;
        if (byte == '"' || byte == '\\') {
            char pair[2] = {'\\', *p};
            if (line->length + 2 > sizeof line->text - 3)
                return;
            append(line, pair, 2);
        } else if (byte < 0x20 || byte >= 0x7f) {
            append(line, "?", 1);
        } else {
            append(line, p, 1);
        }
    }
}

void iqm_log_begin(struct iqm_log_line *line, enum iqm_log_level level, const char *event)
{
    char now[IQM_TIME_TEXT];

    line->length = 0;
    line->wanted = level <= threshold;
    if (!line->wanted)
        return;
    iqm_time_now(now);
    int length = snprintf(line->text, sizeof line->text,
        "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
        level == IQM_LOG_ERROR ? "error" : "info", event);
    line->length = length > 0 ? (size_t)length : 0;
}

void iqm_log_string(struct iqm_log_line *line, const char *key, const char *value)
{
    if (!line->wanted || value == NULL || line->length + strlen(key) + 8 > sizeof line->text)
        return;
    append(line, ",\"", 2);
    append(line, key, strlen(key));
    append(line, "\":\"", 3);
    append_escaped(line, value);
    append(line, "\"", 1);
    if (line->text[line->length - 1] != '"')
        line->text[line->length++] = '"';
}

void iqm_log_number(struct iqm_log_line *line, const char *key, int64_t value)
{
    char text[80];

    if (!line->wanted)
        return;
    int length = snprintf(text, sizeof text, ",\"%s\":%" PRId64, key, value);
    if (length > 0 && line->length + (size_t)length <= sizeof line->text - 3)
        append(line, text, (size_t)length);
}

void iqm_log_end(struct iqm_log_line *line)
{
    if (!line->wanted)
        return;
    line->text[line->length++] = '}';
    line->text[line->length++] = '\n';
    if (!gathered.on) {
        write_out(line->text, line->length);
        return;
    }
    if (gathered.length + line->length > sizeof gathered.text)
        iqm_log_flush();
    memcpy(gathered.text + gathered.length, line->text, line->length);
    gathered.length += line->length;
}

void iqm_log_event(enum iqm_log_level level, const char *event, const char *key, const char *value)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, level, event);
    iqm_log_string(&line, key, value);
    iqm_log_end(&line);
}

void iqm_log_gather(void)
{
    gathered.on = true;
}

void iqm_log_flush(void)
{
    write_out(gathered.text, gathered.length);
    gathered.length = 0;
}
