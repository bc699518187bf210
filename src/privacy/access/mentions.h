/* Where a person is mentioned in what others wrote. */
#ifndef IQM_PRIVACY_MENTIONS_H
#define IQM_PRIVACY_MENTIONS_H

#include "iqm/buffer.h"
#include "iqm/walk.h"
#include "privacy/access/document_mentions.h"

struct mention {
    const char *resource, *id;
    const char *version; /* of an earlier version of the document; NULL: the present one */
    const char *pointer; /* RFC 6901 */
    const char *kind;    /* of mention_term, or "telephone" */
    const char *excerpt; /* MENTION_EXCERPT bytes at most */
};

/* Adds it as JSON: Mention of the contract. 0 or IQM_ENOMEM, and out->failed says so, too. */
int mention_write(const struct mention *mention, struct iqm_buffer *out);

/*
 * Goes through every text that may mention somebody and that the caller may see: documents and
 * their earlier versions, but not what is about the person anyway. A walk that has begun is used
 * for it; what is found is told one by one, valid until the next, and then that there is no more.
 * Begins as {0} with `walk`, `person`, `found` and `done` set.
 */
struct mention_search {
    struct iqm_walk *walk;
    const char *person; /* uuid; borrowed */
    void (*found)(struct mention_search *search, const struct mention *mention);
    void (*paused)(struct mention_search *search); /* after each fetch; go on by mentions_go_on */
    void (*done)(struct mention_search *search);
    void *user;

    /* The search's own. */
    struct mention_terms terms;
    struct iqm_pg_value values[3]; /* the pattern, and of history the resources */
    size_t source;                 /* the resource under way; the last: history */
    struct mention now;
};

/* Looks the person up first. Then `paused`, or `done` where there is nobody. */
void mentions_begin(struct mention_search *search);

/* The next fetch. */
void mentions_go_on(struct mention_search *search);

#endif
