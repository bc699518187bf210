/* What the settings about mail say, taken apart. Shared within this room. */
#ifndef IQM_MAIL_SETTINGS_H
#define IQM_MAIL_SETTINGS_H

#include "iqm/config.h"

#define MAIL_ADDRESS_TEXT 255 /* 254 bytes (RFC 5321, 4.5.3.1.3) and the end */
#define MAIL_NAME_TEXT 201
#define MAIL_DOMAIN_TEXT 256

enum mail_tls { MAIL_TLS_REQUIRED, MAIL_TLS_OPPORTUNISTIC, MAIL_TLS_OFF };

struct mail_settings {
    const struct iqm_config *config;
    bool sends; /* there is a mail server */
    enum mail_tls tls;
    char from_name[MAIL_NAME_TEXT]; /* may be empty */
    char from[MAIL_ADDRESS_TEXT];
    char domain[MAIL_DOMAIN_TEXT]; /* ours: in Message-IDs and greetings */
};

/* 0, or IQM_EINVAL after a sentence to `errors` about each setting at fault. The configuration is
 * borrowed. */
int mail_settings_read(
    const struct iqm_config *config, struct mail_settings *ret_settings, FILE *errors);

#endif
