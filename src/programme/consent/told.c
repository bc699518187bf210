/* What people are told by mail about their consent to marketing. */
#include "programme/consent/told.h"

#include "iqm/http.h"
#include "programme/consent/link.h"

#include <stdio.h>

void consent_link_url(
    const struct iqm_config *config, const char *person, char ret_url[static CONSENT_LINK_URL])
{
    char token[CONSENT_LINK_TEXT];

    consent_link_make(config, person, token);
    snprintf(ret_url, CONSENT_LINK_URL, "%s" CONSENT_LINK_PATH "%s", iqm_server_url(), token);
}

const char *consent_confirmation(struct iqm_arena *arena, const struct iqm_config *config,
    const struct iqm_person_key *key, const char *person, const char *wording)
{
    char url[CONSENT_LINK_URL];

    consent_link_url(config, person, url);
    return iqm_mail_body(
        arena, key, person, json_pack("{s:s, s:s}", "wording", wording, "link", url));
}
