/* What mails say, by kind. Shared within this room. */
#ifndef IQM_MAIL_KINDS_H
#define IQM_MAIL_KINDS_H

#include "iqm/base.h"

#include <jansson.h>

struct mail_kind {
    const char *name;
    const char *subject;
    const char *text;    /* {parameter} stands for its value */
    bool has_withdrawal; /* of marketing: `link` goes into List-Unsubscribe too */
    bool names_nobody;   /* anybody can have it sent: no name that a stranger chose goes with it */
};

/* NULL where there is no such kind. */
const struct mail_kind *mail_kind_find(const char *name);

/* The kind's text with its parameters: strings, whole numbers, and dates where the name ends in
 * _on. New, free(). IQM_EINVAL where one is missing or of another form, IQM_ENOMEM. */
int mail_kind_fill(const struct mail_kind *kind, const json_t *parameters, char **ret_text);

#endif
