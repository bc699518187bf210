/* Links with which people withdraw their consent to marketing without signing in. */
#ifndef IQM_PROGRAMME_CONSENT_LINK_H
#define IQM_PROGRAMME_CONSENT_LINK_H

#include "iqm/base.h"
#include "iqm/config.h"
#include "iqm/ids.h"

#define CONSENT_LINK_PATH "/v1/consent-withdrawals/"
#define CONSENT_LINK_TEXT 67 /* 49 bytes as base64url, and the terminator */

/* The token of a person, whose id is a uuid as text. */
void consent_link_make(
    const struct iqm_config *config, const char *person, char ret_token[static CONSENT_LINK_TEXT]);

/* Whose token it is; false where it is none of ours. */
bool consent_link_read(
    const struct iqm_config *config, struct iqm_slice token, char ret_person[static IQM_UUID_TEXT]);

#endif
