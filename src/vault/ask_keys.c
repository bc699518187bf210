/* Keys of many people at once, and of files, for a thread that asks with patience that ends. */
#include "iqm/ask.h"
#include "iqm/keyring.h"

#include <sodium.h>
#include <string.h>

static char *array_of(struct iqm_arena *arena, const char (*ids)[IQM_UUID_TEXT], size_t count)
{
    char *text = iqm_arena_bytes(arena, count * IQM_UUID_TEXT + 3);
    char *at = text;

    if (text == NULL)
        return NULL;
    *at++ = '{';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        memcpy(at, ids[i], IQM_UUID_TEXT - 1);
        at += IQM_UUID_TEXT - 1;
    }
    memcpy(at, "}", 2);
    return text;
}

static int unwrap(const struct iqm_seal_secrets *secrets, const char *owner, const PGresult *rows,
    int row, struct iqm_person_key *key)
{
    if (PQgetisnull(rows, row, 0))
        return 0;
    int error = iqm_key_unwrap(secrets, owner, (const uint8_t *)PQgetvalue(rows, row, 0),
        (size_t)PQgetlength(rows, row, 0), key->bytes);
    key->known = error == 0;
    return error;
}

int iqm_keys_ask(PGconn *connection, const struct iqm_seal_secrets *secrets,
    struct iqm_arena *arena, const char (*people)[IQM_UUID_TEXT], size_t count,
    const atomic_bool *stopping, struct iqm_person_key **ret_keys)
{
    const char *values[] = {array_of(arena, people, count)};
    struct iqm_person_key *keys = iqm_arena_array(arena, count + 1, sizeof *keys);
    int error = 0;

    if (values[0] == NULL || keys == NULL)
        return IQM_ENOMEM;
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection, IQM_FIND_PERSON_KEYS, 1, values, NULL, NULL, stopping);
    if (rows == NULL || (size_t)PQntuples(rows) != count)
        return IQM_EPGLOST;
    for (size_t i = 0; i < count && error == 0; i++)
        error = unwrap(secrets, people[i], rows, (int)i, &keys[i]);
    if (error == 0)
        *ret_keys = keys;
    return error;
}

int iqm_file_key_make(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *file,
    const atomic_bool *stopping, uint8_t ret_key[static IQM_KEY_BYTES])
{
    uint8_t wrapped[IQM_WRAPPED_KEY], master_id[IQM_MASTER_KEY_ID];
    const char *values[] = {file, (const char *)wrapped, (const char *)master_id};
    const int lengths[] = {0, sizeof wrapped, sizeof master_id}, formats[] = {0, 1, 1};

    randombytes_buf(ret_key, IQM_KEY_BYTES);
    iqm_key_wrap(secrets, file, ret_key, wrapped);
    iqm_master_key_id(secrets->master, master_id);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(connection, "SELECT keep_download_key($1::uuid, $2::bytea, $3::bytea)",
        3, values, lengths, formats, stopping);
    return rows != NULL ? 0 : IQM_EPGLOST;
}

int iqm_file_key_check(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *file,
    const atomic_bool *stopping, const uint8_t key[static IQM_KEY_BYTES])
{
    const char *values[] = {file};
    struct iqm_person_key found = {0};

    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT wrapped FROM download_key WHERE download_id = $1::uuid", 1,
            values, NULL, NULL, stopping);
    if (rows == NULL)
        return IQM_EPGLOST;
    if (PQntuples(rows) != 1 || unwrap(secrets, file, rows, 0, &found) != 0)
        return IQM_ENOTFOUND;
    bool same = sodium_memcmp(found.bytes, key, IQM_KEY_BYTES) == 0;
    sodium_memzero(&found, sizeof found);
    return same ? 0 : IQM_ENOTFOUND;
}
