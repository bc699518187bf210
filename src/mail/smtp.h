/* Handing one mail to the mail server. Shared within this room. */
#ifndef IQM_MAIL_SMTP_H
#define IQM_MAIL_SMTP_H

#include "settings.h"

#include <stdatomic.h>

/* As settle_mail in migrations/0032_outbox.sql knows them. */
enum mail_outcome {
    MAIL_SENT,
    MAIL_FAILED, /* refused for good, this one */
    MAIL_LATER,  /* put off, this one */
    MAIL_AGAIN,  /* not about this mail: the next would fare the same */
};

struct mail_report {
    enum mail_outcome outcome;
    const char *error; /* a word of ours, static; NULL when sent */
    long reply;        /* the mail server's last code; 0 where there was none */
};

/* Sends over a connection of its own, within the time that is configured, or about two seconds once
 * the flag is set. */
struct mail_report mail_smtp_send(const struct mail_settings *settings, const char *address,
    struct iqm_slice bytes, const atomic_bool *stopping);

#endif
