/* Whether a document mentions a person, text by text. Knows no database. */
#ifndef IQM_PRIVACY_DOCUMENT_MENTIONS_H
#define IQM_PRIVACY_DOCUMENT_MENTIONS_H

#include "iqm/contract.h"
#include "privacy/access/terms.h"

#define MENTION_EXCERPT 160 /* bytes shown of a text, at most */

/* Whether documents of the schema have texts that may mention somebody. */
bool mentions_may_be_in(const struct iqm_contract *contract, uint16_t schema);

/* `pointer` (RFC 6901), `kind` and `excerpt` are in the arena. */
typedef void mention_in_text_fn(
    void *user, const char *pointer, const char *kind, const char *excerpt);

/* Calls `found` for each such text of the document that does. 0 or IQM_ENOMEM. */
int document_mentions(struct iqm_arena *arena, const struct iqm_contract *contract, uint16_t schema,
    const json_t *document, const struct mention_terms *terms, mention_in_text_fn *found,
    void *user);

#endif
