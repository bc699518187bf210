/* What the commands for users and clients share: transactions, and documents as the API makes them.
 */
#include "documents.h"

#include "contract_tables.h"
#include "iqm/resource.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)1024 * 1024)

void cli_drop_json(json_t **value)
{
    json_decref(*value);
}

/* Our own functions raise IQ…, with a sentence for people; PostgreSQL's words are for operators. */
static void complain(PGconn *connection, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *sentence = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (state != NULL && sentence != NULL && strncmp(state, "IQ", 2) == 0)
        fprintf(stderr, "%s\n", sentence);
    else if (state != NULL && strcmp(state, "23505") == 0)
        fprintf(stderr, "Another record has this already, and there may be only one.\n");
    else
        fprintf(stderr, "The database refused: %s", PQerrorMessage(connection));
}

PGresult *cli_run(PGconn *connection, const char *sql, unsigned count, const char *const *values)
{
    PGresult *result = PQexecParams(connection, sql, (int)count, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
        return result;
    complain(connection, result);
    PQclear(result);
    return NULL;
}

PGresult *cli_run_with_secret(PGconn *connection, const struct iqm_config *config, const char *sql,
    const char *id, const char *secret)
{
    uint8_t hash[IQM_TOKEN_HASH];

    iqm_token_hash(config->token_key_bytes, (struct iqm_slice){secret, strlen(secret)}, hash);
    const char *values[] = {id, (const char *)hash};
    const int lengths[] = {0, sizeof hash};
    const int formats[] = {0, 1};
    PGresult *result = PQexecParams(connection, sql, 2, NULL, values, lengths, formats, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    complain(connection, result);
    PQclear(result);
    return NULL;
}

static int run_plain(PGconn *connection, const char *sql)
{
    IQM_CLEANUP(cli_clear_result) PGresult *result = cli_run(connection, sql, 0, NULL);

    return result != NULL ? 0 : IQM_EPG;
}

int cli_begin_as_owner(PGconn *connection, const char *operation)
{
    const char *values[] = {operation};

    if (run_plain(connection, "BEGIN") != 0)
        return IQM_EPG;
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = cli_run(connection,
        "SELECT set_config('iqm.roles', '{head_office}', true), set_config('iqm.actor', '', true), "
        "set_config('iqm.client', '', true), set_config('iqm.operation', $1, true), "
        "set_config('iqm.request_id', '', true)",
        1, values);
    return result != NULL ? 0 : IQM_EPG;
}

int cli_begin(PGconn *connection, const struct iqm_config *config, const char *operation)
{
    const char *values[] = {config->database_role};

    if (cli_begin_as_owner(connection, operation) != 0)
        return IQM_EPG;
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = cli_run(connection, "SELECT set_config('role', $1, true)", 1, values);
    return result != NULL ? 0 : IQM_EPG;
}

int cli_commit(PGconn *connection)
{
    return run_plain(connection, "COMMIT");
}

static json_t *member_value(const char *name, const json_t *members, const char *id)
{
    char now[IQM_TIME_TEXT];

    if (strcmp(name, "id") == 0)
        return json_string(id);
    if (strcmp(name, "version") == 0)
        return json_integer(1);
    if (strcmp(name, "created_at") == 0 || strcmp(name, "updated_at") == 0) {
        iqm_time_now(now);
        return json_string(now);
    }
    return json_incref(json_object_get(members, name));
}

/* The document, its members in the order of the contract. */
static json_t *build(const struct iqm_schema *schema, json_t *members, const char *id)
{
    json_t *document = json_object();

    for (uint16_t i = 0; document != NULL && i < schema->member_count; i++) {
        const char *name = schema->members[i].name;
        json_t *value = member_value(name, members, id);
        if (value != NULL && json_object_set_new(document, name, value) != 0) {
            json_decref(document);
            return NULL;
        }
    }
    return document;
}

/* What stands at a place of the document; names of members need no escapes (RFC 6901). */
static const json_t *value_at(const json_t *value, const char *pointer)
{
    char step[64];

    while (*pointer == '/') {
        size_t length = strcspn(++pointer, "/");
        snprintf(step, sizeof step, "%.*s", (int)length, pointer);
        value = json_is_array(value) ? json_array_get(value, strtoul(step, NULL, 10))
                                     : json_object_get(value, step);
        pointer += length;
    }
    return value;
}

/* In quotes, and nothing that speaks to the terminal. */
static void print_quoted(const char *text)
{
    fputc('"', stderr);
    for (; *text != '\0'; text++)
        fputc(iscntrl((unsigned char)*text) ? '?' : *text, stderr);
    fputc('"', stderr);
}

static void tell(const struct iqm_problem *problem, const json_t *document)
{
    for (size_t i = 0; i < problem->violation_count; i++) {
        const struct iqm_violation *violation = &problem->violations[i];
        const char *value = json_string_value(value_at(document, violation->pointer));
        fprintf(stderr, "%s ", violation->pointer + strspn(violation->pointer, "/"));
        if (value != NULL) {
            print_quoted(value);
            fputc(' ', stderr);
        }
        fprintf(stderr, "%s.\n", violation->detail);
    }
    if (problem->violation_count == 0)
        fprintf(stderr, "The document could not be checked: memory is out.\n");
}

static int check(const struct iqm_resource *resource, json_t *document)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(ARENA_MAX);
    struct iqm_problem problem;

    if (arena == NULL)
        return IQM_ENOMEM;
    iqm_problem_init(&problem, arena);
    struct iqm_rules rules = {.arena = arena, .document = document, .problem = &problem};
    int error =
        iqm_contract_validate(&iqm_contract, resource->schema, document, "", true, &problem);
    if (error == 0 && resource->rules != NULL)
        error = resource->rules(&rules);
    if (error != 0)
        tell(&problem, document);
    return error;
}

/* Whether a constraint, named table_member_key as PostgreSQL does, says that a member of the
 * document is another record's; said then. The names are the contract's own. */
static bool tell_taken(const PGresult *result, const char *table, json_t *document)
{
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *name;
    json_t *value;
    char expected[200];

    json_object_foreach(document, name, value)
    {
        snprintf(expected, sizeof expected, "%s_%s_key", table, name);
        if (constraint == NULL || strcmp(constraint, expected) != 0 || !json_is_string(value))
            continue;
        fprintf(stderr, "There is a %s with the %s ", table, name);
        print_quoted(json_string_value(value));
        fprintf(stderr, " already, and there may be only one.\n");
        return true;
    }
    return false;
}

/* The document's text as it is stored, in the arena; NULL after saying why not. */
static const char *stored_text(struct iqm_arena *arena, struct iqm_keyring *keyring,
    const struct iqm_resource *kind, const json_t *document)
{
    const char *person =
        kind->subject == NULL ? NULL : json_string_value(json_object_get(document, kind->subject));
    struct iqm_person_key key;

    if (kind->subject == NULL) {
        IQM_CLEANUP(iqm_free_pointer) char *text = json_dumps(document, JSON_COMPACT);
        return text != NULL ? iqm_arena_string(arena, text) : NULL;
    }
    if (person != NULL && iqm_keyring_make(keyring, person, &key) == 0)
        return iqm_seal_document(
            arena, &iqm_contract, kind, iqm_keyring_secrets(keyring), &key, document);
    fprintf(stderr, "The key of the person could not be made.\n");
    return NULL;
}

static int store(PGconn *connection, struct iqm_keyring *keyring, const struct iqm_resource *kind,
    const char *id, json_t *document)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(ARENA_MAX);
    const char *table = kind->name;
    const char *text = arena != NULL ? stored_text(arena, keyring, kind, document) : NULL;
    const char *values[] = {id, text};
    char sql[200];

    if (text == NULL)
        return IQM_ENOMEM;
    snprintf(
        sql, sizeof sql, "INSERT INTO %s (id, version, doc) VALUES ($1::uuid, 1, $2::json)", table);
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = PQexecParams(connection, sql, 2, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        return 0;
    if (!tell_taken(result, table, document))
        complain(connection, result);
    return IQM_EPG;
}

int cli_create(PGconn *connection, struct iqm_keyring *keyring, const char *resource,
    json_t *members, char ret_id[static IQM_UUID_TEXT])
{
    const struct iqm_resource *kind = iqm_contract_resource(&iqm_contract, resource);
    IQM_CLEANUP(cli_drop_json) json_t *given = members;
    char id[IQM_UUID_TEXT];

    iqm_uuid7(id);
    IQM_CLEANUP(cli_drop_json)
    json_t *document = given != NULL ? build(&iqm_contract.schemas[kind->schema], given, id) : NULL;
    if (document == NULL) {
        fprintf(stderr, "This is not text in UTF-8, or memory is out.\n");
        return IQM_ENOMEM;
    }
    int error = check(kind, document);
    if (error == 0)
        error = store(connection, keyring, kind, id, document);
    if (error == 0)
        memcpy(ret_id, id, sizeof id);
    return error;
}

bool cli_open_contract(void)
{
    if (iqm_contract_open(&iqm_contract) == 0)
        return true;
    fprintf(stderr, "The contract's patterns do not compile.\n");
    return false;
}

void cli_close_contract(void)
{
    iqm_contract_close(&iqm_contract);
}

bool cli_has_key(const struct iqm_config *config)
{
    if (*config->token_key != '\0')
        return true;
    fprintf(stderr, "Set IQM_TOKEN_KEY or IQM_TOKEN_KEY_FILE: secrets are hashed under it.\n");
    return false;
}
