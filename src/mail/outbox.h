/* The outbox as the sender sees it: statements over a connection that ends its patience with the
 * server. Shared within this room. */
#ifndef IQM_MAIL_OUTBOX_H
#define IQM_MAIL_OUTBOX_H

#include "smtp.h"

#include "iqm/arena.h"
#include "iqm/ids.h"

#include <libpq-fe.h>

/* A mail in hand; texts are in the arena, those that are about the person sealed. */
struct mail {
    char id[IQM_UUID_TEXT];
    int64_t attempt;
    const char *kind, *body, *person_id;
    const char *name, *email; /* NULL: the person has none */
};

/* The next mail, for so many seconds. IQM_ENOTFOUND: none is due; IQM_EPG: ask again over another
 * connection; IQM_ENOMEM. */
int outbox_take(PGconn *connection, int64_t lease_s, struct iqm_arena *arena,
    const atomic_bool *stopping, struct mail *ret_mail);

/* Enters what became of it. IQM_ENOTFOUND: it was out of our hands already; IQM_EPG. `ret_failed`:
 * whether that was its end without having been sent. */
int outbox_settle(PGconn *connection, const struct mail *mail, const struct mail_report *report,
    const atomic_bool *stopping, bool *ret_failed);

/* Clears up, and tells how many mails wait. IQM_EPG. */
int outbox_tend(PGconn *connection, const atomic_bool *stopping, uint64_t *ret_waiting);

#endif
