/*
 * The log: one JSON object a line on standard output, for a machine to read.
 * No personal data and no secret is ever passed here: ids, names of operations, numbers.
 */
#ifndef IQM_LOG_H
#define IQM_LOG_H

#include "iqm/base.h"

enum iqm_log_level { IQM_LOG_OFF, IQM_LOG_ERROR, IQM_LOG_INFO };

#define IQM_LOG_LINE_MAX 1024

/* A line being made; lives on the caller's stack. */
struct iqm_log_line {
    char text[IQM_LOG_LINE_MAX];
    size_t length;
    bool wanted;
};

/* Lines above `level` are dropped. Call before threads start. Where standard output is a pipe or a
 * socket it is made non-blocking: lines that nobody reads are lost, and nobody waits for a reader.
 */
void iqm_log_open(enum iqm_log_level level);

/* Starts a line: time, level and the event's name. */
void iqm_log_begin(struct iqm_log_line *line, enum iqm_log_level level, const char *event);

/* Adds a member; a value that does not fit the line is cut. `value` may be NULL: nothing is added.
 */
void iqm_log_string(struct iqm_log_line *line, const char *key, const char *value);
void iqm_log_number(struct iqm_log_line *line, const char *key, int64_t value);

/* Ends the line and hands it to the calling thread's buffer, or writes it where there is none. */
void iqm_log_end(struct iqm_log_line *line);

/* Says one event with one string member. */
void iqm_log_event(enum iqm_log_level level, const char *event, const char *key, const char *value);

/* Lines of this thread are gathered from now on until iqm_log_flush. */
void iqm_log_gather(void);

/* Writes what this thread has gathered, if anything. */
void iqm_log_flush(void);

#endif
