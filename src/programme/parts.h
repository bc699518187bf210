/* What targets of plans and steps of projects have in common: a key, who is responsible, days. */
#ifndef IQM_PROGRAMME_PARTS_H
#define IQM_PROGRAMME_PARTS_H

#include "iqm/resource.h"

/* The parts of a document: an array of objects, each with a `key`. */
struct parts {
    struct iqm_rules *rules;
    const json_t *context; /* with `people`: ids of those named whom the caller sees */
    const char *member;    /* "targets" */
    const json_t *list;
};

struct parts parts_of(struct iqm_rules *rules, const json_t *context, const char *member);

/* Records a fault at a member of one part (NULL: at the part). Returns IQM_EPROBLEM. */
int parts_at(const struct parts *parts, size_t index, const char *member, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What holds of a draft, too: no key twice, days in order, nobody newly named whom the caller does
 * not see. 0 or IQM_EPROBLEM. */
int parts_check(const struct parts *parts);

/* A text of the part that has to be there. 0 or IQM_EPROBLEM. */
int parts_need(const struct parts *parts, size_t index, const char *member, const char *sentence);

/* The days of the part have to be there, and inside others. 0 or IQM_EPROBLEM. */
int parts_need_days(
    const struct parts *parts, size_t index, const char *from, const char *to, const char *of_what);

#endif
