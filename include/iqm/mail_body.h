/*
 * What a mail is filled with, on its way into the outbox (iqm/mailer.h has the kinds): a JSON
 * object, sealed under the key of the person it is for, at whose address it is read again only when
 * it is sent.
 */
#ifndef IQM_MAIL_BODY_H
#define IQM_MAIL_BODY_H

#include "iqm/seal.h"

/* The sealed body of a mail to a person, in the arena; NULL when memory is out, or `parameters` is
 * NULL. The parameters are taken. Where there is nobody, `key` is made up and `person` an id of
 * nobody: it costs the same and nothing will ever open it. */
char *iqm_mail_body(struct iqm_arena *arena, const struct iqm_person_key *key, const char *person,
    json_t *parameters);

#endif
