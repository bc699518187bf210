/* What the person is told by mail about a request. */
#ifndef IQM_PROGRAMME_PRIVACY_REQUEST_TOLD_H
#define IQM_PROGRAMME_PRIVACY_REQUEST_TOLD_H

#include "iqm/resource.h"

/* What was asked for, as it is said in the middle of a sentence. */
const char *request_in_words(const char *kind);

/* The parameters of request_received; new, NULL when memory is out. */
json_t *request_received_mail(const char *kind, const char *id, const char *due_on);

/* Has the rules leave a mail of this kind about their document; `reason` names the member that
 * tells why, NULL: none. 0 or IQM_ENOMEM. */
int request_tell(struct iqm_rules *rules, const char *mail, const char *reason);

#endif
