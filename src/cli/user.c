/*
 * `iqmd user invite|list|suspend|restore|reset`: accounts of people, for an operator; above all the
 * first one of head office. A link is printed once; nobody's password ever comes by here.
 */
#include "contract_tables.h"
#include "documents.h"
#include "iqm/contract.h"
#include "keys.h"
#include "programme/account/link.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROLES_MAX 3
#define PERSON_MAX ((size_t)64 * 1024)

struct invitation {
    const char *name, *email, *urn;
    const char *roles[ROLES_MAX];
    unsigned role_count;
    char person[IQM_UUID_TEXT];
};

#define DATABASE                                                                                   \
    "\n\nIQM_OWNER_DATABASE_URL names the database, IQM_KEY_DATABASE_URL that of the keys, which " \
    "IQM_MASTER_KEY\nopens."
#define LINK                                                                                       \
    "Prints a link with which the person chooses a password: once, and within a week or, where\n"  \
    "there has been a password before, a day. IQM_TOKEN_KEY must be the server's; "                \
    "IQM_PUBLIC_URL\n"                                                                             \
    "is the address the link starts with."

static const struct cli_verb verbs[] = {
    {"invite", "--name NAME --email ADDRESS --role ROLE… [--school URN]",
        "Makes an account, and the person where nobody has this address.\n" LINK "\n\n"
        "  --name NAME       the person's name\n"
        "  --email ADDRESS   what the person signs in with\n"
        "  --role ROLE       head_office, ambassador or school; up to three of these\n"
        "  --school URN      with the role school: whose coordinator" DATABASE,
        CLI_OPTIONS},
    {"list", "", "Prints id, state, roles, address and name of each account, a line each." DATABASE,
        0},
    {"suspend", "ADDRESS|ID", "Ends every sign-in of the account and lets nobody in." DATABASE, 1},
    {"restore", "ADDRESS|ID", "Lets the person of a suspended account in again." DATABASE, 1},
    {"reset", "ADDRESS|ID", LINK "\nUntil it is used, the password that there was stays." DATABASE,
        1},
};
static const struct cli_command command = {"user",
    "Accounts of people, above all the first one of head office. ADDRESS is what the person\n"
    "signs in with.",
    verbs, IQM_LENGTH(verbs)};

static int read_invitation(int argc, char **argv, struct invitation *invitation)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
        {"email", required_argument, NULL, 'e'}, {"role", required_argument, NULL, 'r'},
        {"school", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            invitation->name = optarg;
        else if (option == 'e')
            invitation->email = optarg;
        else if (option == 's')
            invitation->urn = optarg;
        else if (option == 'r' && invitation->role_count < ROLES_MAX)
            invitation->roles[invitation->role_count++] = optarg;
        else {
            if (option == 'r')
                fprintf(stderr, "There are at most %d roles.\n", ROLES_MAX);
            return IQM_EINVAL;
        }
    }
    bool complete =
        invitation->name != NULL && invitation->email != NULL && invitation->role_count > 0;
    if (!complete)
        fprintf(stderr, "--name, --email and at least one --role are needed.\n");
    else if (optind < argc)
        fprintf(stderr, "What is this for: %s?\n", argv[optind]);
    return optind == argc && complete ? 0 : IQM_EINVAL;
}

/* Prints where the person chooses a password. The transaction is committed first. */
static int give_link(PGconn *connection, const struct iqm_config *config, const char *account)
{
    char secret[IQM_TOKEN_TEXT];

    iqm_secret_new(ACCOUNT_LINK_PREFIX, secret);
    IQM_CLEANUP(cli_clear_result)
    PGresult *made = cli_run_with_secret(connection, config,
        "SELECT outcome, expires_at FROM create_account_link($1::uuid, $2)", account, secret);
    if (made == NULL)
        return EXIT_FAILURE;
    if (strcmp(PQgetvalue(made, 0, 0), "made") != 0) {
        fprintf(stderr, "The account is suspended: iqmd user restore lets the person in again.\n");
        return EXIT_FAILURE;
    }
    if (cli_commit(connection) != 0)
        return EXIT_FAILURE;
    printf("%s" ACCOUNT_LINK_PATH "%s\n", config->public_url, secret);
    sodium_memzero(secret, sizeof secret);
    fprintf(stderr, "The link works once, until %s.%s\n", PQgetvalue(made, 0, 1),
        *config->public_url == '\0' ? " Put the server's address before it (IQM_PUBLIC_URL)." : "");
    return EXIT_SUCCESS;
}

static const char *index_of(
    const struct iqm_keyring *keyring, const char *email, char ret_index[IQM_BLIND_INDEX_TEXT])
{
    iqm_email_index(
        iqm_keyring_secrets(keyring), (struct iqm_slice){email, strlen(email)}, ret_index);
    return ret_index;
}

/* Who has this address already: 0 where an account can be made, for the person found if any. */
static int look_up_person(
    PGconn *connection, const struct iqm_keyring *keyring, struct invitation *invitation)
{
    char index[IQM_BLIND_INDEX_TEXT];
    const char *values[] = {index_of(keyring, invitation->email, index)};
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection,
        "SELECT person.id, account.id FROM person LEFT JOIN account "
        "ON account.person_id = person.id WHERE email_index = $1 AND NOT erased ORDER BY "
        "account.id",
        1, values);

    if (rows == NULL)
        return IQM_EPG;
    if (PQntuples(rows) > 0 && PQgetisnull(rows, 0, 1) == 0) {
        fprintf(stderr,
            "There is an account with this address already, %s: iqmd user reset makes it a new "
            "link.\n",
            PQgetvalue(rows, 0, 1));
        return IQM_EINVAL;
    }
    if (PQntuples(rows) > 1) {
        fprintf(stderr, "Several people have this address: give one of them another first.\n");
        return IQM_EINVAL;
    }
    if (PQntuples(rows) == 1) {
        snprintf(invitation->person, IQM_UUID_TEXT, "%s", PQgetvalue(rows, 0, 0));
        fprintf(stderr, "The person is there already, %s: the account is theirs.\n",
            invitation->person);
    }
    return 0;
}

/* The school's id as JSON; NULL after saying that there is none. */
static json_t *find_school(PGconn *connection, const char *urn)
{
    const char *values[] = {urn};
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection, "SELECT id FROM school WHERE urn = $1", 1, values);

    if (rows != NULL && PQntuples(rows) == 1)
        return json_string(PQgetvalue(rows, 0, 0));
    if (rows != NULL)
        fprintf(stderr, "There is no school with this URN.\n");
    return NULL;
}

static json_t *account_members(const struct invitation *invitation, json_t *school)
{
    json_t *roles = json_array();

    for (unsigned i = 0; i < invitation->role_count; i++)
        json_array_append_new(roles, json_string(invitation->roles[i]));
    json_t *members = json_pack(
        "{s:s, s:o, s:b}", "person_id", invitation->person, "roles", roles, "suspended", 0);
    if (members != NULL && school != NULL)
        json_object_set_new(members, "school_id", school);
    return members;
}

static int create_account(PGconn *connection, struct iqm_keyring *keyring,
    struct invitation *invitation, char ret_account[static IQM_UUID_TEXT])
{
    json_t *school = NULL;
    int error = look_up_person(connection, keyring, invitation);

    if (error == 0 && invitation->urn != NULL &&
        (school = find_school(connection, invitation->urn)) == NULL)
        return IQM_EINVAL;
    if (error == 0 && *invitation->person == '\0')
        error = cli_create(connection, keyring, "person",
            json_pack("{s:s, s:s}", "name", invitation->name, "email", invitation->email),
            invitation->person);
    if (error != 0) {
        json_decref(school);
        return error;
    }
    return cli_create(
        connection, keyring, "account", account_members(invitation, school), ret_account);
}

static int invite(struct invitation *invitation, PGconn *connection, struct iqm_keyring *keyring,
    const struct iqm_config *config)
{
    char account[IQM_UUID_TEXT];

    if (!cli_has_key(config) || !cli_open_contract())
        return EXIT_FAILURE;
    int error = cli_begin(connection, config, "iqmd user invite");
    if (error == 0)
        error = create_account(connection, keyring, invitation, account);
    cli_close_contract();
    return error == 0 ? give_link(connection, config, account) : EXIT_FAILURE;
}

/* A member of a person as it is to be shown, in the arena; "?" where it cannot be had. */
static const char *shown(struct iqm_arena *arena, const json_t *person, const char *member)
{
    char *text = iqm_arena_string(arena, json_string_value(json_object_get(person, member)));

    for (char *p = text; p != NULL && *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    return text != NULL ? text : "?";
}

static int print_account(struct iqm_keyring *keyring, const PGresult *rows, int row)
{
    const struct iqm_resource *person = iqm_contract_resource(&iqm_contract, "person");
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(PERSON_MAX);
    struct iqm_slice stored = {PQgetvalue(rows, row, 3), (size_t)PQgetlength(rows, row, 3)};
    struct iqm_slice clear = {NULL, 0};

    if (arena == NULL)
        return IQM_ENOMEM;
    if (iqm_keyring_unseal(keyring, arena, person, stored, &clear) != 0)
        clear = IQM_SLICE("{}");
    IQM_CLEANUP(cli_drop_json) json_t *document = json_loadb(clear.ptr, clear.len, 0, NULL);
    printf("%s  %-9s  %-11s  %s  %s\n", PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
        PQgetvalue(rows, row, 2), shown(arena, document, "email"), shown(arena, document, "name"));
    return 0;
}

static int list(PGconn *connection, struct iqm_keyring *keyring)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection,
        "SELECT account.id, CASE WHEN suspended THEN 'suspended' WHEN activated THEN 'active' "
        "ELSE 'invited' END, array_to_string(roles, ','), person.doc "
        "FROM account JOIN person ON person.id = person_id ORDER BY account.id",
        0, NULL);

    if (rows == NULL)
        return EXIT_FAILURE;
    for (int row = 0; row < PQntuples(rows); row++) {
        if (print_account(keyring, rows, row) != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* The account that signs in with an address, or has an id; 0, or IQM_EINVAL after saying so. */
static int find_account(PGconn *connection, const struct iqm_keyring *keyring, const char *wanted,
    char ret_account[static IQM_UUID_TEXT])
{
    char index[IQM_BLIND_INDEX_TEXT];
    const char *values[] = {index_of(keyring, wanted, index), wanted};
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection,
        "SELECT account_id FROM credential WHERE sign_in_index = $1 OR account_id::text = $2 "
        "FOR UPDATE",
        2, values);

    if (rows == NULL)
        return IQM_EPG;
    if (PQntuples(rows) != 1) {
        fprintf(stderr, "There is no account with this address or id.\n");
        return IQM_EINVAL;
    }
    snprintf(ret_account, IQM_UUID_TEXT, "%s", PQgetvalue(rows, 0, 0));
    return 0;
}

/* A version of the document as the API would make it. */
static int set_suspended(PGconn *connection, const char *account, const char *suspended)
{
    const char *values[] = {account, suspended};
    IQM_CLEANUP(cli_clear_result)
    PGresult *changed = cli_run(connection,
        "UPDATE account SET version = version + 1, written_by = NULL, "
        "doc = document_with(doc, json_build_object('version', version + 1, "
        "'updated_at', time_text(now()), 'suspended', $2::boolean)) "
        "WHERE id = $1::uuid AND suspended <> $2::boolean",
        2, values);

    if (changed == NULL || cli_commit(connection) != 0)
        return EXIT_FAILURE;
    if (strcmp(PQcmdTuples(changed), "0") == 0)
        fprintf(stderr, "Nothing to do: it was so already.\n");
    return EXIT_SUCCESS;
}

static int change(const char *action, const char *wanted, PGconn *connection,
    const struct iqm_keyring *keyring, const struct iqm_config *config)
{
    char account[IQM_UUID_TEXT], operation[40];

    if (strcmp(action, "reset") == 0 && !cli_has_key(config))
        return EXIT_FAILURE;
    snprintf(operation, sizeof operation, "iqmd user %s", action);
    if (cli_begin_as_owner(connection, operation) != 0 ||
        find_account(connection, keyring, wanted, account) != 0)
        return EXIT_FAILURE;
    if (strcmp(action, "reset") == 0)
        return give_link(connection, config, account);
    return set_suspended(connection, account, strcmp(action, "suspend") == 0 ? "true" : "false");
}

int cli_user(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    struct invitation invitation = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (verb->operands == CLI_OPTIONS && read_invitation(argc - 1, argv + 1, &invitation) != 0)
        return cli_wrong(&command, verb);
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL)
        return EXIT_FAILURE;
    IQM_CLEANUP(iqm_keyring_closep) struct iqm_keyring *keyring = iqm_keyring_open(&config, stderr);
    if (keyring == NULL)
        return EXIT_FAILURE;
    if (verb->operands == CLI_OPTIONS)
        return invite(&invitation, connection, keyring, &config);
    if (verb->operands == 0)
        return list(connection, keyring);
    return change(verb->name, argv[2], connection, keyring, &config);
}
