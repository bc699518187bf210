/* Reading what is sealed about a person: the one place of this room that asks for keys. */
#ifndef IQM_MAIL_OPEN_H
#define IQM_MAIL_OPEN_H

#include "iqm/seal.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* Whom keys are asked of. Zeroed but for what the caller fills, which is borrowed. */
struct mail_keys {
    const struct iqm_config *config;
    const struct iqm_seal_secrets *secrets;
    const atomic_bool *stopping;
    PGconn *connection; /* NULL when not connected */
};

void mail_keys_close(struct mail_keys *keys);

/* The key of a person. IQM_ENOTFOUND: it is gone, for good; IQM_EINVAL: it is of another master
 * key; IQM_EPGLOST: the keys are away. */
int mail_find_key(struct mail_keys *keys, const char *person_id, struct iqm_person_key *ret_key);

/* What was sealed of a record about that person, which is JSON; new. IQM_EINVAL: it does not open;
 * IQM_ENOMEM. */
int mail_open(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *sealed, json_t **ret_value);

#endif
