/*
 * The thread that sends what waits in the outbox (migrations/0032_outbox.sql) by SMTP. Any number
 * of instances may have one: each mail is leased to one of them at a time.
 *
 * At least once: a mail is marked as sent only after the mail server has said 250 to all of it, so
 * one whose server or process dies in that moment is sent again, with the same Message-ID. A mail
 * server that is away, or that refuses us rather than a mail, is waited for: no mail loses an
 * attempt by that. A mail it refuses for good (5xx) has failed; one it puts off (4xx) is tried
 * again for about a day; one that nothing could be done for within five days has failed.
 *
 * Whoever has something to tell somebody calls enqueue_mail(person, kind, body) in the transaction
 * that is the reason. The body is a JSON object of the kind's parameters, sealed (iqm/mail_body.h)
 * as member `body` of `outbox` under the person's key; where there is nobody to tell, person is
 * null and the body sealed under a key made up, so that it costs the same:
 *
 *   request_code          code, minutes
 *   request_received      request, reference, due_on
 *   request_paused        request, reference, reason
 *   request_extended      request, reference, due_on, reason
 *   request_refused       request, reference, reason
 *   request_completed     request, reference
 *   consent_confirmation  wording, link (withdraws the consent; RFC 8058)
 *   consent_withdrawn     (none)
 *   enquiry_received      (none)
 *   webhook_paused        reference, reason
 *
 * A new kind is a row in src/mail/kinds.c, a line here and one in tests/unit/mail_test.c.
 * `request` is said in the middle of a sentence ("access to your data"); what ends in _on is a date
 * as documents hold it.
 */
#ifndef IQM_MAILER_H
#define IQM_MAILER_H

#include "iqm/seal.h"

#include <stdio.h>

struct iqm_mailer;

/* Whether the settings about mail make sense together: 0, or IQM_EINVAL after a sentence to
 * `errors` about each that does not. */
int iqm_mailer_check(const struct iqm_config *config, FILE *errors);

/* Starts the thread. Without IQM_SMTP_URL nothing is sent: mail waits. NULL, after logging what,
 * when it cannot start. What is passed is borrowed until iqm_mailer_stop. The thread takes no
 * signals. To be called before other threads start. */
struct iqm_mailer *iqm_mailer_start(
    const struct iqm_config *config, const struct iqm_seal_secrets *secrets);

/* How many mails waited lately, of all instances; from any thread. Accepts NULL. */
uint64_t iqm_mailer_waiting(const struct iqm_mailer *mailer);

/* Ends it and frees: a mail under way has two seconds more. Accepts NULL. */
void iqm_mailer_stop(struct iqm_mailer *mailer);

#endif
