/* What people are told by mail about their consent to marketing. */
#ifndef IQM_PROGRAMME_CONSENT_TOLD_H
#define IQM_PROGRAMME_CONSENT_TOLD_H

#include "iqm/mail_body.h"
#include "programme/consent/link.h"

#define CONSENT_LINK_URL (IQM_PUBLIC_URL_MAX + sizeof CONSENT_LINK_PATH + CONSENT_LINK_TEXT)

/* The whole link with which a person withdraws. */
void consent_link_url(
    const struct iqm_config *config, const char *person, char ret_url[static CONSENT_LINK_URL]);

/* The body of the mail that confirms it, sealed, in the arena; NULL when memory is out. */
const char *consent_confirmation(struct iqm_arena *arena, const struct iqm_config *config,
    const struct iqm_person_key *key, const char *person, const char *wording);

#endif
