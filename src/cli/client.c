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

static int usage(FILE *out)
{
    fprintf(out,
        "Usage: iqmd client create --name NAME --kind confidential|public [--redirect URI]…\n"
        "                          --scope SCOPE… [--origin ORIGIN]…\n"
        "       iqmd client list\n"
        "       iqmd client secret ID\n"
        "       iqmd client delete ID\n\n"
        "create prints the id and, for a confidential client, the secret; secret makes a new one,\n"
        "and the former works no longer.\n");
    return out == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

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
    if (error == 0 && optind == argc && json_object_size(members) == 5)
        return members;
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

static int create(int argc, char **argv, PGconn *connection, const struct iqm_config *config)
{
    json_t *members = read_client(argc, argv);
    char id[IQM_UUID_TEXT];

    if (members == NULL)
        return usage(stderr);
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
        error = cli_create(connection, "client", members, id);
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

int cli_client(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    const char *action = argc > 1 ? argv[1] : "";
    bool of_one = strcmp(action, "secret") == 0 || strcmp(action, "delete") == 0;
    bool is_list = strcmp(action, "list") == 0 && argc == 2;

    if (strcmp(action, "--help") == 0)
        return usage(stdout);
    if (strcmp(action, "create") != 0 && !is_list && !(of_one && argc == 3))
        return usage(stderr);
    if ((of_one && !is_id(argv[2])) || iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL)
        return EXIT_FAILURE;
    if (is_list)
        return list(connection);
    if (strcmp(action, "create") == 0)
        return create(argc - 1, argv + 1, connection, &config);
    return strcmp(action, "secret") == 0 ? renew_secret(connection, &config, argv[2])
                                         : delete (connection, &config, argv[2]);
}
