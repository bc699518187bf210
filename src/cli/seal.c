/*
 * Sealing what was stored in clear: documents about people from before there were keys. A run that
 * is cut off goes on where it was the next time.
 */
#include "contract_tables.h"
#include "documents.h"
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#define AT_ONCE "200"
#define ARENA_MAX ((size_t)4 * 1024 * 1024)
#define CONDITION_MAX 2000

/* Where a member that ought to be sealed is not. Names come from the contract. */
static void write_condition(const struct iqm_resource *resource, char *text)
{
    const struct iqm_schema *schema = &iqm_contract.schemas[resource->schema];
    size_t length = 0;

    *text = '\0';
    for (uint16_t i = 0; i < schema->member_count; i++) {
        if (!iqm_member_is_sealed(&iqm_contract, resource, &schema->members[i]))
            continue;
        int added = snprintf(text + length, CONDITION_MAX - length, "%s NOT is_sealed(doc->>'%s')",
            length > 0 ? " OR" : "", schema->members[i].name);
        if (added < 0 || (size_t)added >= CONDITION_MAX - length)
            abort(); /* found by the first run of any test */
        length += (size_t)added;
    }
}

/* Of who was erased since, as after a restore: there is no key, and the server erases the rest when
 * it starts. */
static void drop_members(const struct iqm_resource *resource, json_t *document)
{
    const struct iqm_schema *schema = &iqm_contract.schemas[resource->schema];

    for (uint16_t i = 0; i < schema->member_count; i++) {
        if (iqm_member_is_sealed(&iqm_contract, resource, &schema->members[i]))
            json_object_del(document, schema->members[i].name);
    }
}

/* A document as it is to be stored; NULL after saying why not. */
static char *seal_text(struct iqm_arena *arena, const struct iqm_resource *resource,
    struct iqm_keyring *keyring, const char *text)
{
    IQM_CLEANUP(cli_drop_json) json_t *document = json_loads(text, 0, NULL);
    const char *person = json_string_value(json_object_get(document, resource->subject));
    struct iqm_person_key key = {0};
    int error = person != NULL ? iqm_keyring_make(keyring, person, &key) : IQM_EINVAL;

    if (error == IQM_ENOTFOUND)
        drop_members(resource, document);
    if (error == 0 || error == IQM_ENOTFOUND)
        return iqm_seal_document(
            arena, &iqm_contract, resource, iqm_keyring_secrets(keyring), &key, document);
    fprintf(stderr, "The key of a person could not be made.\n");
    return NULL;
}

/* Seals some rows; how many, or negative after saying why not. */
static int seal_some(PGconn *connection, const struct iqm_resource *resource,
    struct iqm_keyring *keyring, const char *find, const char *update)
{
    IQM_CLEANUP(cli_clear_result) PGresult *rows = cli_run(connection, find, 0, NULL);
    int count = rows != NULL ? PQntuples(rows) : IQM_EPG;

    for (int row = 0; row < count; row++) {
        IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(ARENA_MAX);
        const char *text =
            arena != NULL ? seal_text(arena, resource, keyring, PQgetvalue(rows, row, 2)) : NULL;
        const char *values[] = {PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1), text};
        IQM_CLEANUP(cli_clear_result)
        PGresult *updated = text != NULL ? cli_run(connection, update, 3, values) : NULL;
        if (updated == NULL)
            return IQM_EPG;
    }
    return count;
}

static int seal_all(PGconn *connection, const struct iqm_resource *resource,
    struct iqm_keyring *keyring, const char *find, const char *update)
{
    int count;

    while ((count = seal_some(connection, resource, keyring, find, update)) > 0)
        ;
    return count;
}

static int seal_resource(
    PGconn *connection, const struct iqm_resource *resource, struct iqm_keyring *keyring)
{
    char condition[CONDITION_MAX], find[CONDITION_MAX + 200], update[300];

    write_condition(resource, condition);
    snprintf(find, sizeof find, "SELECT id, version, doc FROM %s WHERE %s LIMIT " AT_ONCE,
        resource->name, condition);
    snprintf(update, sizeof update,
        "UPDATE %s SET doc = $3::json WHERE id = $1::uuid AND version = $2::bigint",
        resource->name);
    int error = seal_all(connection, resource, keyring, find, update);
    if (error < 0)
        return error;
    snprintf(find, sizeof find,
        "SELECT id, version, doc FROM history WHERE resource = '%s' AND (%s) LIMIT " AT_ONCE,
        resource->name, condition);
    snprintf(update, sizeof update,
        "UPDATE history SET doc = $3::json WHERE resource = '%s' AND id = $1::uuid "
        "AND version = $2::bigint",
        resource->name);
    return seal_all(connection, resource, keyring, find, update);
}

int cli_seal_documents(PGconn *connection, struct iqm_keyring *keyring)
{
    int error = 0;

    for (size_t i = 0; error == 0 && i < iqm_contract.resource_count; i++) {
        if (iqm_contract.resources[i].subject != NULL)
            error = seal_resource(connection, &iqm_contract.resources[i], keyring);
    }
    if (error != 0)
        return error;
    IQM_CLEANUP(cli_clear_result)
    PGresult *held =
        cli_run(connection, "ALTER TABLE person VALIDATE CONSTRAINT person_sealed", 0, NULL);
    return held != NULL ? 0 : IQM_EPG;
}
