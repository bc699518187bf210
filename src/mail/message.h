/* A mail as it is handed to a mail server (RFC 5322). Shared within this room. */
#ifndef IQM_MAIL_MESSAGE_H
#define IQM_MAIL_MESSAGE_H

#include "settings.h"

#include <time.h>

#define MAIL_LINK_MAX 900 /* bytes: a line has 998 (RFC 5322, 2.1.1) */

struct mail_message {
    const char *id; /* of the outbox: the same at every attempt */
    time_t at;
    const char *name, *address; /* whom it is for; the name may be empty */
    const char *subject;        /* ASCII of our own */
    const char *text;
    const char *unsubscribe; /* link; NULL where it is no advertising */
};

/* Whether a mail can be sent there: RFC 5321 without quoted local parts, in ASCII. */
bool mail_is_address(const char *address);

/* Whether it can stand in List-Unsubscribe. */
bool mail_is_link(const char *link);

/* The whole message, with CRLF; new, free(). IQM_EINVAL where address or link cannot stand in a
 * header, or name or text is not UTF-8; IQM_ENOMEM. */
int mail_write(const struct mail_settings *settings, const struct mail_message *message,
    char **ret_bytes, size_t *ret_length);

#endif
