/* Keys for a thread that asks with patience that ends. */
#include "iqm/ask.h"
#include "iqm/keyring.h"

PGconn *iqm_key_connect(
    const struct iqm_config *config, const char *name, const atomic_bool *stopping)
{
    return iqm_ask_connect(config, config->key_database_url, name, stopping);
}

int iqm_key_ask(PGconn *connection, const struct iqm_seal_secrets *secrets, const char *person,
    const atomic_bool *stopping, struct iqm_person_key *ret_key)
{
    const char *values[] = {person};

    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        iqm_ask(connection, "SELECT wrapped FROM person_key WHERE person_id = $1::uuid", 1, values,
            NULL, NULL, stopping);
    if (rows == NULL)
        return IQM_EPGLOST;
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    int error = iqm_key_unwrap(secrets, person, (const uint8_t *)PQgetvalue(rows, 0, 0),
        (size_t)PQgetlength(rows, 0, 0), ret_key->bytes);
    ret_key->known = error == 0;
    return error;
}
