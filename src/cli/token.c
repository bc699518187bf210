/* `iqmd token issue|list|revoke`: bearer tokens for an operator to give out. A token's text is
 * shown once, when it is issued; the database keeps a keyed hash. */
#include "cli.h"
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/contract.h"
#include "iqm/ids.h"

#include <ctype.h>
#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SCOPES_MAX 64
#define SCOPES_TEXT_MAX 4096

struct issue {
    const char *name, *role, *expires_in_days;
    const char *scopes[SCOPES_MAX];
    unsigned scope_count;
};

#define DATABASE "\n\nIQM_OWNER_DATABASE_URL names the database."

static const struct cli_verb verbs[] = {
    {"issue",
        "--name NAME --role head_office|client [--scope SCOPE]…\n"
        "                        [--expires-in-days N]",
        "Makes a token for a program of an operator, and prints it: once. IQM_TOKEN_KEY must be\n"
        "the server's: tokens are hashed under it.\n\n"
        "  --name NAME           to know it by in the list\n"
        "  --role ROLE           head_office, or client: nothing about persons\n"
        "  --scope SCOPE         such as schools:read; without, all that the role may\n"
        "  --expires-in-days N   from 1 to 99999; without, it does not expire" DATABASE,
        CLI_OPTIONS},
    {"list", "", "Prints id, state, role, times, scopes and name of each, a line each." DATABASE,
        0},
    {"revoke", "ID", "Ends a token: the server refuses it from now on." DATABASE, 1},
};
static const struct cli_command command = {"token",
    "Bearer tokens for programs of operators. People and programs of third parties get theirs\n"
    "by OAuth.",
    verbs, IQM_LENGTH(verbs)};

static bool is_scope(const char *text)
{
    for (size_t i = 0; i < iqm_contract.operation_count; i++) {
        const char *scope = iqm_contract.operations[i].scope;
        if (scope != NULL && strcmp(scope, text) == 0)
            return true;
    }
    fprintf(stderr, "The contract has no scope of this name: %s\n", text);
    return false;
}

/* A name stands in lists: it must not break their lines. */
static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (iscntrl((unsigned char)*text))
            return false;
    }
    return true;
}

/* People have accounts: an operator's token stands for a program, of head office or of others. */
static bool is_role(const char *role)
{
    if (strcmp(role, "head_office") == 0 || strcmp(role, "client") == 0)
        return true;
    fprintf(stderr, "The role of a token is head_office or client, not %s.\n", role);
    return false;
}

static bool is_day_count(const char *text)
{
    if (text == NULL ||
        (strspn(text, "0123456789") == strlen(text) && strlen(text) < 6 && atoi(text) > 0))
        return true;
    fprintf(stderr, "--expires-in-days is a number from 1 to 99999, not %s.\n", text);
    return false;
}

static bool is_complete(const struct issue *issue)
{
    if (issue->name == NULL || issue->role == NULL)
        fprintf(stderr, "--name and --role are needed.\n");
    else if (!is_printable(issue->name))
        fprintf(stderr, "The name holds a control character.\n");
    else
        return is_role(issue->role) && is_day_count(issue->expires_in_days);
    return false;
}

static int read_issue(int argc, char **argv, struct issue *issue)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
        {"role", required_argument, NULL, 'r'}, {"scope", required_argument, NULL, 's'},
        {"expires-in-days", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            issue->name = optarg;
        else if (option == 'r')
            issue->role = optarg;
        else if (option == 'e')
            issue->expires_in_days = optarg;
        else if (option == 's' && issue->scope_count < SCOPES_MAX && is_scope(optarg))
            issue->scopes[issue->scope_count++] = optarg;
        else
            return IQM_EINVAL;
    }
    if (optind < argc)
        fprintf(stderr, "What is this for: %s?\n", argv[optind]);
    return optind == argc && is_complete(issue) ? 0 : IQM_EINVAL;
}

static void write_scopes(const struct issue *issue, char *ret_text)
{
    size_t length = 0;

    if (issue->scope_count == 0) {
        strcpy(ret_text, "{*}");
        return;
    }
    ret_text[length++] = '{';
    for (unsigned i = 0; i < issue->scope_count; i++) {
        int written = snprintf(ret_text + length, SCOPES_TEXT_MAX - length, "%s%s",
            i > 0 ? "," : "", issue->scopes[i]);
        if (written > 0 && (size_t)written < SCOPES_TEXT_MAX - length - 1)
            length += (size_t)written;
    }
    ret_text[length++] = '}';
    ret_text[length] = '\0';
}

static int insert_token(PGconn *connection, const struct iqm_config *config,
    const struct issue *issue, const char *token)
{
    uint8_t hash[IQM_TOKEN_HASH];
    char id[IQM_UUID_TEXT], scopes[SCOPES_TEXT_MAX];

    iqm_uuid7(id);
    write_scopes(issue, scopes);
    iqm_token_hash(config->token_key_bytes, (struct iqm_slice){token, strlen(token)}, hash);
    const char *values[] = {
        id, (const char *)hash, issue->name, issue->role, scopes, issue->expires_in_days};
    const int lengths[] = {0, sizeof hash, 0, 0, 0, 0};
    const int formats[] = {0, 1, 0, 0, 0, 0};
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = PQexecParams(connection,
        "INSERT INTO token (id, hash, name, roles, scopes, expires_at) VALUES ($1, $2, $3, "
        "ARRAY[$4], $5, now() + $6::int * interval '1 day')",
        6, NULL, values, lengths, formats, 0);
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        return 0;
    fprintf(stderr, "The token was not issued: %s", PQerrorMessage(connection));
    return IQM_EPG;
}

static int issue_token(
    const struct issue *issue, PGconn *connection, const struct iqm_config *config)
{
    char token[IQM_TOKEN_TEXT];

    if (*config->token_key == '\0') {
        fprintf(stderr, "Set IQM_TOKEN_KEY or IQM_TOKEN_KEY_FILE: tokens are hashed under it.\n");
        return EXIT_FAILURE;
    }
    iqm_token_new(token);
    if (insert_token(connection, config, issue, token) != 0)
        return EXIT_FAILURE;
    printf("%s\n", token);
    sodium_memzero(token, sizeof token);
    return EXIT_SUCCESS;
}

static int list_tokens(PGconn *connection)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = PQexec(connection,
        "SELECT id, array_to_string(roles, ','), name, array_to_string(scopes, ' '), "
        "created_at::timestamp(0), "
        "coalesce(expires_at::timestamp(0)::text, 'never'), "
        "coalesce(last_used_at::timestamp(0)::text, 'never'), "
        "CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' "
        "ELSE 'live' END FROM token ORDER BY created_at, id");

    if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
        fprintf(stderr, "The tokens cannot be read: %s", PQerrorMessage(connection));
        return EXIT_FAILURE;
    }
    for (int row = 0; row < PQntuples(rows); row++)
        printf("%s  %-7s  %-11s  expires %s  last used %s  scopes %s  %s\n",
            PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 7), PQgetvalue(rows, row, 1),
            PQgetvalue(rows, row, 5), PQgetvalue(rows, row, 6), PQgetvalue(rows, row, 3),
            PQgetvalue(rows, row, 2));
    return EXIT_SUCCESS;
}

static int revoke_token(PGconn *connection, const char *id)
{
    const char *values[] = {id};

    if (!iqm_format_matches(IQM_FORMAT_UUID, id, strlen(id))) {
        fprintf(stderr, "An id looks like 0190b6a2-7c1e-7d3a-9f00-1a2b3c4d5e6f.\n");
        return EXIT_USAGE;
    }
    IQM_CLEANUP(cli_clear_result)
    PGresult *result = PQexecParams(connection,
        "UPDATE token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1", 1, NULL, values,
        NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fprintf(stderr, "The token was not revoked: %s", PQerrorMessage(connection));
        return EXIT_FAILURE;
    }
    if (strcmp(PQcmdTuples(result), "0") == 0) {
        fprintf(stderr, "There is no token with this id.\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int cli_token(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    struct issue issue = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (verb->operands == CLI_OPTIONS && read_issue(argc - 1, argv + 1, &issue) != 0)
        return cli_wrong(&command, verb);
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(&config);
    if (connection == NULL)
        return EXIT_FAILURE;
    if (verb->operands == CLI_OPTIONS)
        return issue_token(&issue, connection, &config);
    return verb->operands == 0 ? list_tokens(connection) : revoke_token(connection, argv[2]);
}
