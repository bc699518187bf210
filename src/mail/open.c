/* Keys, and what they open. */
#include "open.h"

#include "iqm/keyring.h"

#include <string.h>

void mail_keys_close(struct mail_keys *keys)
{
    PQfinish(keys->connection);
    keys->connection = NULL;
}

int mail_find_key(struct mail_keys *keys, const char *person_id, struct iqm_person_key *ret_key)
{
    if (keys->connection == NULL)
        keys->connection = iqm_key_connect(keys->config, "iqmd mail", keys->stopping);
    if (keys->connection == NULL)
        return IQM_EPGLOST;
    int error = iqm_key_ask(keys->connection, keys->secrets, person_id, keys->stopping, ret_key);
    if (error == IQM_EPGLOST)
        mail_keys_close(keys);
    return error;
}

int mail_open(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct iqm_seal_place *place, const char *sealed, json_t **ret_value)
{
    struct iqm_slice clear;
    int error = iqm_unseal(arena, key, place, (struct iqm_slice){sealed, strlen(sealed)}, &clear);

    if (error != 0)
        return error;
    json_t *value =
        json_loadb(clear.ptr, clear.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (value == NULL)
        return IQM_EINVAL;
    *ret_value = value;
    return 0;
}
