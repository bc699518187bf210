/* What the person is told by mail about a request. */
#include "programme/privacy_request/told.h"

#include "iqm/base.h"

#include <string.h>

/* As it is said in the middle of a sentence. */
static const struct {
    const char *kind, *words;
} requests[] = {{"access", "access to your data"}, {"rectification", "correction of your data"},
    {"erasure", "erasure of your data"}, {"objection", "objection to how we use your data"},
    {"complaint", "complaint about how we use your data"}};

const char *request_in_words(const char *kind)
{
    for (size_t i = 0; i < IQM_LENGTH(requests); i++) {
        if (strcmp(requests[i].kind, kind) == 0)
            return requests[i].words;
    }
    return kind;
}

json_t *request_received_mail(const char *kind, const char *id, const char *due_on)
{
    return json_pack(
        "{s:s, s:s, s:s}", "request", request_in_words(kind), "reference", id, "due_on", due_on);
}

int request_tell(struct iqm_rules *rules, const char *mail, const char *reason)
{
    const json_t *document = rules->document;

    rules->mail = mail;
    rules->mail_parameters = json_pack("{s:s, s:s, s:s*, s:s*}", "request",
        request_in_words(iqm_rules_text(document, "kind")), "reference",
        iqm_rules_text(document, "id"), "due_on", iqm_rules_text(document, "due_on"), "reason",
        reason != NULL ? iqm_rules_text(document, reason) : NULL);
    return rules->mail_parameters != NULL ? 0 : IQM_ENOMEM;
}
