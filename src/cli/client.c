/* `iqmd client create|list|secret|delete`: third-party programs, for an operator. A secret is
 * printed once, when it is made; the database keeps a keyed hash. */
#include "contract_tables.h"
#include "documents.h"
#include "iqm/contract.h"
#include "programme/client/secret.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DATABASE "\n\nIQM_OWNER_DATABASE_URL names the database."

static const struct cli_verb verbs[] = {
    {"create",
        "--name NAME --kind confidential|public --scope SCOPE…\n"
        "                          [--redirect URI]… [--origin ORIGIN]…",
        "Registers a program. Prints its id and, where it is confidential, its secret: once.\n"
        "IQM_TOKEN_KEY must be the server's: secrets are hashed under it.\n\n"
        "  --name NAME       as people see it when they sign in; each name stands for one program\n"
        "  --kind KIND       confidential: runs where a secret can be kept; public: does not\n"
        "  --scope SCOPE     what it may ask for, such as schools:read; as often as needed\n"
        "  --redirect URI    where people go back to: https://…, http://127.0.0.1/… (any port)\n"
        "                    or an app's own scheme; none for a program without people\n"
        "  --origin ORIGIN   whose pages may call the API from a browser (CORS)" DATABASE,
        CLI_OPTIONS},
    {"list", "", "Prints id, kind, secret's date, scopes and name of each, a line each." DATABASE,
        0},
    {"secret", "ID",
        "Makes a confidential client a new secret and prints it, once; the former one works no\n"
        "longer. IQM_TOKEN_KEY must be the server's." DATABASE,
        1},
    {"delete", "ID", "Removes a client, and with it every sign-in and token it has." DATABASE, 1},
};
static const struct cli_command command = {
    "client", "Programs of third parties that use the API.", verbs, IQM_LENGTH(verbs)};

/* The members of a new client from the options; NULL when those make no sense. */
static json_t *read_client(int argc, char **argv)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
        {"kind", required_argument, NULL, 'k'}, {"redirect", required_argument, NULL, 'r'},
        {"scope", required_argument, NULL, 's'}, {"origin", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0}};
    json_t *redirects = json_array(), *scopes = json_array(), *origins = json_array();
    json_t *members = json_pack(
        "{s:o, s:o, s:o}", "redirect_uris", redirects, "scopes", scopes, "origins", origins);
    int option, error = members == NULL ? -1 : 0;

    while (error == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n' || option == 'k')
            error =
                json_object_set_new(members, option == 'n' ? "name" : "kind", json_string(optarg));
        else if (option == 'r' || option == 's' || option == 'o')
            error = json_array_append_new(option == 'r'   ? redirects
                                          : option == 's' ? scopes
                                                          : origins,
                json_string(optarg));
        else
            error = -1;
    }
    bool complete = json_object_size(members) == 5 && json_array_size(scopes) > 0;
    if (error == 0 && optind == argc && complete)
        return members;
    if (error == 0 && optind < argc)
        fprintf(stderr, "What is this for: %s?\n", argv[optind]);
    else if (error == 0)
        fprintf(stderr, "--name, --kind and at least one --scope are needed.\n");
    json_decref(members);
    return NULL;
}

/* Prints the id and the secret, once it is committed. */
static int give_secret(PGconn *connection, const struct iqm_config *config, const char *id)
{
    char secret[IQM_TOKEN_TEXT];

    iqm_secret_new(CLIENT_SECRET_PREFIX, secret);
    IQM_CLEANUP(cli_clear_result)
    PGresult *made = cli_run_with_secret(
        connection, config, "SELECT create_client_secret($1::uuid, $2)", id, secret);
    if (made == NULL)
        return EXIT_FAILURE;
    if (strcmp(PQgetvalue(made, 0, 0), "made") != 0) {
        fprintf(stderr, strcmp(PQgetvalue(made, 0, 0), "public") == 0
                            ? "A public client cannot keep a secret, and needs none.\n"
                            : "There is no client with this id.\n");
        return EXIT_FAILURE;
    }
    if (cli_commit(connection) != 0)
        return EXIT_FAILURE;
    printf("%s %s\n", id, secret);
    sodium_memzero(secret, sizeof secret);
    return EXIT_SUCCESS;
}

/* Takes the members. */
static int create(json_t *members, PGconn *connection, const struct iqm_config *config)
{
    char id[IQM_UUID_TEXT];
    const char *kind = json_string_value(json_object_get(members, "kind"));
    bool keeps_secret = strcmp(kind, "confidential") == 0;
    if (!cli_has_key(config) || !cli_open_contract()) {
        json_decref(members);
        return EXIT_FAILURE;
    }
    int error = cli_begin(connection, config, "iqmd client create");
    if (error != 0)
        json_decref(members);
    else
        error = cli_create(connection, NULL, "client", members, id);
    cli_close_contract();
    if (error != 0)
        return EXIT_FAILURE;
    if (keeps_secret)
        return give_secret(connection, config, id);
    if (cli_commit(connection) != 0)
        return EXIT_FAILURE;
    printf("%s\n", id);
    return EXIT_SUCCESS;
}

static int list(PGconn *connection)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection,
        "SELECT client.id, kind, CASE WHEN kind = 'public' THEN 'no secret' "
        "WHEN client_id IS NULL THEN 'secret missing' ELSE 'secret of ' || created_at::date END, "
        "array_to_string(scopes, ' '), regexp_replace(name, '[[:cntrl:]]', '?', 'g') "
        "FROM client LEFT JOIN client_secret ON client_id = client.id ORDER BY client.id",
        0, NULL);

    if (rows == NULL)
        return EXIT_FAILURE;
    for (int row = 0; row < PQntuples(rows); row++)
        printf("%s  %-12s  %-20s  scopes %s  %s\n", PQgetvalue(rows, row, 0),
            PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2), PQgetvalue(rows, row, 3),
            PQgetvalue(rows, row, 4));
    return EXIT_SUCCESS;
}

static int renew_secret(PGconn *connection, const struct iqm_config *config, const char *id)
{
    if (!cli_has_key(config) || cli_begin(connection, config, "iqmd client secret") != 0)
        return EXIT_FAILURE;
    return give_secret(connection, config, id);
}

static int delete (PGconn *connection, const struct iqm_config *config, const char *id)
{
    const char *values[] = {id};

    if (cli_begin(connection, config, "iqmd client delete") != 0)
        return EXIT_FAILURE;
    IQM_CLEANUP(cli_clear_result)
    PGresult *gone = cli_run(connection, "DELETE FROM client WHERE id = $1::uuid", 1, values);
    if (gone == NULL)
        return EXIT_FAILURE;
    if (strcmp(PQcmdTuples(gone), "0") == 0) {
        fprintf(stderr, "There is no client with this id.\n");
        return EXIT_FAILURE;
    }
    return cli_commit(connection) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool is_id(const char *text)
{
    if (iqm_format_matches(IQM_FORMAT_UUID, text, strlen(text)))
        return true;
    fprintf(stderr, "An id looks like 0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f.\n");
    return false;
}

static int run(
    const char *verb, const char *id, PGconn *connection, const struct iqm_config *config)
{
    if (strcmp(verb, "list") == 0)
        return list(connection);
    return strcmp(verb, "secret") == 0 ? renew_secret(connection, config, id)
                                       : delete (connection, config, id);
}

int cli_client(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (verb->operands == 1 && !is_id(argv[2]))
        return cli_wrong(&command, verb);
    bool creates = verb->operands == CLI_OPTIONS;
    IQM_CLEANUP(cli_drop_json)
    json_t *members = creates ? read_client(argc - 1, argv + 1) : NULL;
    if (creates && members == NULL)
        return cli_wrong(&command, verb);
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL)
        return EXIT_FAILURE;
    if (creates)
        return create(json_incref(members), connection, &config);
    return run(verb->name, argv[2], connection, &config);
}
