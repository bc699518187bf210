/* `iqmd keys rotate`: wraps the keys of people anew, from one master key to the next. */
#include "keys.h"
#include "documents.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BINARY 1
#define AT_ONCE "500"

static const struct cli_verb verbs[] = {{"rotate", "",
    "Wraps every key that IQM_FORMER_MASTER_KEY opens under IQM_MASTER_KEY. To change the\n"
    "master key: give both to every server and start it anew; run this; then take the former\n"
    "one away. May be run again, also beside servers at work.\n"
    "IQM_OWNER_KEY_DATABASE_URL names the database of keys, as its owner.",
    0}};
static const struct cli_command command = {
    "keys", "The keys under which what is known about people is sealed.", verbs, IQM_LENGTH(verbs)};

/* Where keys are, by what they are found, and how a page of those of another master key is read. */
struct shelf {
    const char *find, *update;
};

static const struct shelf shelves[] = {
    {"SELECT person_id::text, wrapped FROM person_key WHERE master_id <> $1 LIMIT " AT_ONCE,
        "UPDATE person_key SET wrapped = $2, master_id = $3 WHERE person_id = $1::uuid"},
    {"SELECT name, wrapped FROM common_key WHERE master_id <> $1 LIMIT " AT_ONCE,
        "UPDATE common_key SET wrapped = $2, master_id = $3 WHERE name = $1"},
    {"SELECT download_id::text, wrapped FROM download_key WHERE master_id <> $1 LIMIT " AT_ONCE,
        "UPDATE download_key SET wrapped = $2, master_id = $3 WHERE download_id = $1::uuid"}};

static PGresult *ask(PGconn *connection, const char *sql, int count, const char *const *values,
    const int *lengths, const int *formats)
{
    PGresult *rows = PQexecParams(connection, sql, count, NULL, values, lengths, formats, BINARY);

    if (PQresultStatus(rows) == PGRES_TUPLES_OK || PQresultStatus(rows) == PGRES_COMMAND_OK)
        return rows;
    fprintf(stderr, "%s", PQerrorMessage(connection));
    PQclear(rows);
    return NULL;
}

/* One key under the new master key. 0, or negative after saying why not. */
static int wrap_anew(PGconn *connection, const struct shelf *shelf,
    const struct iqm_seal_secrets *secrets, const PGresult *rows, int row)
{
    static const int formats[] = {0, BINARY, BINARY};
    uint8_t key[IQM_KEY_BYTES], wrapped[IQM_WRAPPED_KEY], id[IQM_MASTER_KEY_ID];
    const char *owner = PQgetvalue(rows, row, 0);

    if (iqm_key_unwrap(secrets, owner, (const uint8_t *)PQgetvalue(rows, row, 1),
            (size_t)PQgetlength(rows, row, 1), key) != 0) {
        fprintf(stderr, "The key of %s is of neither master key.\n", owner);
        return IQM_EINVAL;
    }
    iqm_key_wrap(secrets, owner, key, wrapped);
    sodium_memzero(key, sizeof key);
    iqm_master_key_id(secrets->master, id);
    const char *values[] = {owner, (const char *)wrapped, (const char *)id};
    const int lengths[] = {0, sizeof wrapped, sizeof id};
    IQM_CLEANUP(cli_clear_result)
    PGresult *updated = ask(connection, shelf->update, 3, values, lengths, formats);
    return updated != NULL ? 0 : IQM_EPG;
}

/* How many of a page were wrapped anew; negative after saying why not. */
static int rotate_some(
    PGconn *connection, const struct shelf *shelf, const struct iqm_seal_secrets *secrets)
{
    static const int formats[] = {BINARY};
    uint8_t id[IQM_MASTER_KEY_ID];

    iqm_master_key_id(secrets->master, id);
    const char *values[] = {(const char *)id};
    const int lengths[] = {sizeof id};
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = ask(connection, shelf->find, 1, values, lengths, formats);
    int count = rows != NULL ? PQntuples(rows) : IQM_EPG;
    for (int row = 0; row < count; row++) {
        int error = wrap_anew(connection, shelf, secrets, rows, row);
        if (error != 0)
            return error;
    }
    return count;
}

static int rotate(PGconn *connection, const struct iqm_seal_secrets *secrets)
{
    int wrapped = 0;

    for (size_t i = 0; i < IQM_LENGTH(shelves); i++) {
        int count;
        while ((count = rotate_some(connection, &shelves[i], secrets)) > 0)
            wrapped += count;
        if (count < 0)
            return EXIT_FAILURE;
    }
    printf("%d keys were wrapped anew.\n", wrapped);
    return EXIT_SUCCESS;
}

int cli_keys(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(iqm_keyring_closep) struct iqm_keyring *keyring = iqm_keyring_open(&config, stderr);
    IQM_CLEANUP(cli_finish_connection)
    PGconn *connection = keyring != NULL ? cli_connect_key_owner(&config) : NULL;
    return connection != NULL ? rotate(connection, iqm_keyring_secrets(keyring)) : EXIT_FAILURE;
}
