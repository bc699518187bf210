/* Keys, read and made over a blocking connection. */
#include "iqm/keyring.h"

#include "iqm/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INDEX_KEY "blind_index"
#define BINARY 1
#define AWAIT_EVERY_MS 300

struct iqm_keyring {
    PGconn *connection;
    struct iqm_seal_secrets secrets;
};

static void clear_result(PGresult **result)
{
    PQclear(*result);
}

void iqm_keyring_close(struct iqm_keyring *keyring)
{
    if (keyring == NULL)
        return;
    PQfinish(keyring->connection);
    sodium_memzero(keyring, sizeof *keyring);
    free(keyring);
}

void iqm_keyring_closep(struct iqm_keyring **keyring)
{
    iqm_keyring_close(*keyring);
}

const struct iqm_seal_secrets *iqm_keyring_secrets(const struct iqm_keyring *keyring)
{
    return &keyring->secrets;
}

/* Rows in binary form. `values[0]` is text, the others are bytes of these lengths. NULL: failed. */
static PGresult *ask(struct iqm_keyring *keyring, const char *sql, int count,
    const char *const *values, const int *lengths)
{
    static const int formats[] = {0, BINARY, BINARY};
    PGresult *rows =
        PQexecParams(keyring->connection, sql, count, NULL, values, lengths, formats, BINARY);

    if (PQresultStatus(rows) == PGRES_TUPLES_OK || PQresultStatus(rows) == PGRES_COMMAND_OK)
        return rows;
    PQclear(rows);
    return NULL;
}

/* In the server's role, whoever connected; a connection made anew has it to take again. */
static bool take_role(PGconn *connection)
{
    IQM_CLEANUP(clear_result) PGresult *role = PQexec(connection, "SET ROLE iqm_server");

    return PQresultStatus(role) == PGRES_COMMAND_OK;
}

/* Makes a connection that was lost anew, where the database answers. */
static void renew(struct iqm_keyring *keyring)
{
    if (PQstatus(keyring->connection) == CONNECTION_OK &&
        PQtransactionStatus(keyring->connection) != PQTRANS_ACTIVE)
        return;
    PQreset(keyring->connection);
    if (PQstatus(keyring->connection) == CONNECTION_OK)
        take_role(keyring->connection);
}

/* Why the last statement gave nothing. */
static int failure(struct iqm_keyring *keyring)
{
    if (PQstatus(keyring->connection) == CONNECTION_OK)
        return IQM_EPG;
    renew(keyring);
    return IQM_EPGLOST;
}

static int take_key(const struct iqm_keyring *keyring, const char *owner, const PGresult *rows,
    uint8_t ret_key[static IQM_KEY_BYTES])
{
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    return iqm_key_unwrap(&keyring->secrets, owner, (const uint8_t *)PQgetvalue(rows, 0, 0),
        (size_t)PQgetlength(rows, 0, 0), ret_key);
}

/* Runs a statement about one key; where it takes a new one, that is `wrapped`. */
static int fetch(struct iqm_keyring *keyring, const char *sql, const char *owner,
    const uint8_t *wrapped, uint8_t ret_key[static IQM_KEY_BYTES])
{
    uint8_t master_id[IQM_MASTER_KEY_ID];
    const char *values[] = {owner, (const char *)wrapped, (const char *)master_id};
    const int lengths[] = {0, IQM_WRAPPED_KEY, IQM_MASTER_KEY_ID};

    iqm_master_key_id(keyring->secrets.master, master_id);
    IQM_CLEANUP(clear_result)
    PGresult *rows = ask(keyring, sql, wrapped != NULL ? 3 : 1, values, lengths);
    return rows == NULL ? failure(keyring) : take_key(keyring, owner, rows, ret_key);
}

static void new_wrapped(
    const struct iqm_keyring *keyring, const char *owner, uint8_t wrapped[static IQM_WRAPPED_KEY])
{
    uint8_t key[IQM_KEY_BYTES];

    randombytes_buf(key, sizeof key);
    iqm_key_wrap(&keyring->secrets, owner, key, wrapped);
    sodium_memzero(key, sizeof key);
}

int iqm_keyring_find(
    struct iqm_keyring *keyring, const char *person, struct iqm_person_key *ret_key)
{
    int error = fetch(keyring, "SELECT wrapped FROM person_key WHERE person_id = $1::uuid", person,
        NULL, ret_key->bytes);

    ret_key->known = error == 0;
    return error;
}

int iqm_keyring_make(
    struct iqm_keyring *keyring, const char *person, struct iqm_person_key *ret_key)
{
    uint8_t wrapped[IQM_WRAPPED_KEY];

    new_wrapped(keyring, person, wrapped);
    int error =
        fetch(keyring, "SELECT keep_person_key($1::uuid, $2, $3)", person, wrapped, ret_key->bytes);
    ret_key->known = error == 0;
    return error;
}

int iqm_keyring_unseal(struct iqm_keyring *keyring, struct iqm_arena *arena,
    const struct iqm_resource *resource, struct iqm_slice stored, struct iqm_slice *ret_clear)
{
    struct iqm_person_key key;
    char person[IQM_UUID_TEXT];
    int error = iqm_sealed_person(resource, stored, person);

    if (error == 0)
        error = iqm_keyring_find(keyring, person, &key);
    if (error == 0)
        error = iqm_unseal_document(arena, resource, &key, stored, ret_clear);
    sodium_memzero(&key, sizeof key);
    return error;
}

/* ---- opening ---- */

/* The key of blind indexes, made by whoever comes first. */
static int read_index_key(struct iqm_keyring *keyring)
{
    static const char find[] = "SELECT wrapped FROM common_key WHERE name = $1";
    static const char add[] = "INSERT INTO common_key (name, wrapped, master_id) "
                              "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING wrapped";
    uint8_t wrapped[IQM_WRAPPED_KEY];
    int error = fetch(keyring, find, INDEX_KEY, NULL, keyring->secrets.index);

    if (error != IQM_ENOTFOUND)
        return error;
    new_wrapped(keyring, INDEX_KEY, wrapped);
    error = fetch(keyring, add, INDEX_KEY, wrapped, keyring->secrets.index);
    return error == IQM_ENOTFOUND ? fetch(keyring, find, INDEX_KEY, NULL, keyring->secrets.index)
                                  : error;
}

static PGconn *connect_to(const struct iqm_config *config)
{
    const char *keywords[] = {"dbname", "options", "fallback_application_name", "connect_timeout",
        "tcp_user_timeout", NULL};
    const char *values[] = {
        config->key_database_url, "-c statement_timeout=30s", "iqmd", "10", "10000", NULL};

    return PQconnectdbParams(keywords, values, 1);
}

/* What keeps it from being of use, as a sentence for an operator; NULL: nothing. */
static const char *prepare(struct iqm_keyring *keyring)
{
    if (!take_role(keyring->connection))
        return "The key database does not have the server's role: run iqmd migrate.";
    int error = read_index_key(keyring);
    if (error == IQM_EINVAL)
        return "The key database was made with another IQM_MASTER_KEY.";
    return error == 0 ? NULL : "The key database does not have its tables: run iqmd migrate.";
}

static struct iqm_keyring *new_keyring(const struct iqm_config *config)
{
    struct iqm_keyring *keyring = calloc(1, sizeof *keyring);

    if (keyring == NULL)
        return NULL;
    memcpy(keyring->secrets.master, config->master_key_bytes, IQM_KEY_BYTES);
    memcpy(keyring->secrets.former, config->former_master_key_bytes, IQM_KEY_BYTES);
    keyring->secrets.has_former = *config->former_master_key != '\0';
    return keyring;
}

static const char *missing_setting(const struct iqm_config *config)
{
    if (*config->key_database_url == '\0')
        return "Set IQM_KEY_DATABASE_URL: which database holds the keys?";
    return *config->master_key == '\0'
               ? "Set IQM_MASTER_KEY or IQM_MASTER_KEY_FILE: it opens the keys."
               : NULL;
}

/* One try. `ret_away`: the database does not answer. */
static struct iqm_keyring *try_to_open(
    const struct iqm_config *config, const char **ret_fault, bool *ret_away)
{
    struct iqm_keyring *keyring = new_keyring(config);

    *ret_away = false;
    *ret_fault = keyring == NULL ? "Memory is out." : missing_setting(config);
    if (*ret_fault == NULL) {
        keyring->connection = connect_to(config);
        *ret_away = PQstatus(keyring->connection) != CONNECTION_OK;
        *ret_fault = *ret_away ? "The key database (IQM_KEY_DATABASE_URL) cannot be reached."
                               : prepare(keyring);
    }
    if (*ret_fault == NULL)
        return keyring;
    if (keyring != NULL && keyring->connection != NULL)
        *ret_away = PQstatus(keyring->connection) != CONNECTION_OK;
    iqm_keyring_close(keyring);
    return NULL;
}

struct iqm_keyring *iqm_keyring_open(const struct iqm_config *config, FILE *errors)
{
    const char *fault;
    bool away;
    struct iqm_keyring *keyring = try_to_open(config, &fault, &away);

    if (keyring == NULL && errors != NULL)
        fprintf(errors, "%s\n", fault);
    return keyring;
}

struct iqm_keyring *iqm_keyring_await(const struct iqm_config *config, FILE *errors)
{
    static const struct timespec pause = {.tv_nsec = AWAIT_EVERY_MS * 1000000};
    const char *fault;
    bool away, said = false;
    struct iqm_keyring *keyring;

    while ((keyring = try_to_open(config, &fault, &away)) == NULL && away) {
        if (!said)
            iqm_log_event(IQM_LOG_ERROR, "key_database_awaited", NULL, NULL);
        said = true;
        nanosleep(&pause, NULL);
    }
    if (keyring == NULL)
        fprintf(errors, "%s\n", fault);
    return keyring;
}
