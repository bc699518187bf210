/* Reading what is sealed about a person: the one place of this room that knows keys. */
#ifndef IQM_MAIL_OPEN_H
#define IQM_MAIL_OPEN_H

#include "iqm/arena.h"
#include "iqm/config.h"

struct mail_keys;

/* Nothing is connected yet; NULL when memory is out. The configuration is borrowed. */
struct mail_keys *mail_keys_new(const struct iqm_config *config);

/* Accepts NULL. */
void mail_keys_free(struct mail_keys *keys);

/* A member of a record about a person as text, in the arena. IQM_ENOTFOUND: the person's key is
 * gone, for good; IQM_EINVAL: it does not open; IQM_EPGLOST: the keys are away; IQM_ENOMEM. */
int mail_open(struct mail_keys *keys, struct iqm_arena *arena, const char *person_id,
    const char *resource, const char *member, const char *sealed, const char **ret_text);

#endif
