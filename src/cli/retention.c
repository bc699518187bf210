/* `iqmd retention`: what has outlived its time, to look at or to have done away with. */
#include "iqm/retention.h"
#include "documents.h"
#include "iqm/http.h"
#include "iqm/log.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME "iqmd retention"
#define AT_ONCE "1000"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

static const struct cli_verb verbs[] = {{"", "[--dry-run]",
    "Deletes the rows and erases the people that have outlived the time the contract keeps them\n"
    "(x-privacy, retention); nobody under a legal hold. Each leaves a signed entry:\n"
    "GET /v1/retention-sweeps, GET /v1/erasures. What a program cannot do, redacting texts that "
    "may\n"
    "name somebody, is counted. The server does the same every IQM_RETENTION_EVERY seconds; this "
    "may\n"
    "be run beside it.\n\n"
    "  --dry-run   only says what is due, rule by rule, and of people the ids; changes nothing\n\n"
    "IQM_OWNER_DATABASE_URL names the database; to carry it out, IQM_KEY_DATABASE_URL,\n"
    "IQM_SIGNING_KEY and IQM_PUBLIC_URL are needed as the server has them.\n"
    "The status is 1 where something could not be done.",
    CLI_OPTIONS}};
static const struct cli_command command = {"retention", "", verbs, IQM_LENGTH(verbs)};

static int read_options(int argc, char **argv, bool *ret_dry)
{
    static const struct option known[] = {{"dry-run", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
    bool dry = false;
    int found;

    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (found != 'd')
            return cli_wrong(&command, &verbs[0]);
        dry = true;
    }
    if (optind < argc) {
        fprintf(stderr, NAME " takes no arguments beside its option.\n");
        return cli_wrong(&command, &verbs[0]);
    }
    *ret_dry = dry;
    return 0;
}

/* ---- looking ---- */

static void print_due(const char *class, const char *place, const char *count, const char *action)
{
    const char *what = strcmp(action, "delete") == 0  ? "to delete"
                       : strcmp(action, "count") == 0 ? "for people to redact"
                                                      : "to erase";

    printf("%-16s %-20s %8s %s\n", class, place, count, what);
}

static int count_rows(PGconn *connection, const char *const rule[3])
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *rows = cli_run(connection, "SELECT count_due($1, $2, $3)", 3, rule);

    if (rows == NULL)
        return IQM_EPG;
    print_due(rule[0], rule[1], PQgetvalue(rows, 0, 0), rule[2]);
    return 0;
}

static PGresult *look_at_people(PGconn *connection, const char *class, const char *after)
{
    const char *values[] = {class, after};

    return cli_run(connection,
        "SELECT last, due, CASE WHEN due <> '' THEN cardinality(string_to_array(due, ',')) ELSE 0 "
        "END FROM due_people($1, $2::uuid, " AT_ONCE ")",
        2, values);
}

/* The ids, one a line, of all pages or, where `out` is NULL, only their number. */
static int go_through_people(PGconn *connection, const char *class, FILE *out, long *ret_count)
{
    char after[IQM_UUID_TEXT] = FIRST_ID;

    *ret_count = 0;
    for (;;) {
        IQM_CLEANUP(cli_clear_result)
        PGresult *page = look_at_people(connection, class, after);
        if (page == NULL)
            return IQM_EPG;
        if (PQgetisnull(page, 0, 0))
            return 0;
        snprintf(after, sizeof after, "%s", PQgetvalue(page, 0, 0));
        *ret_count += strtol(PQgetvalue(page, 0, 2), NULL, 10);
        char *rest = PQgetvalue(page, 0, 1);
        for (char *id = strsep(&rest, ","); out != NULL && id != NULL; id = strsep(&rest, ","))
            if (*id != '\0')
                fprintf(out, "  %s\n", id);
    }
}

static int count_people(PGconn *connection, const char *const rule[3])
{
    IQM_CLEANUP(iqm_free_pointer) char *ids = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&ids, &length);
    char text[24];
    long count;
    int error = out != NULL ? go_through_people(connection, rule[0], out, &count) : IQM_ENOMEM;

    if (out == NULL || fclose(out) != 0 || error != 0)
        return error != 0 ? error : IQM_ENOMEM;
    snprintf(text, sizeof text, "%ld", count);
    print_due(rule[0], rule[1], text, rule[2]);
    printf("%s", ids);
    return 0;
}

static int look(const struct iqm_config *config)
{
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(config);
    IQM_CLEANUP(cli_clear_result)
    PGresult *rules =
        connection != NULL
            ? cli_run(connection,
                  "SELECT class, place, action FROM retention_rule ORDER BY ordinal", 0, NULL)
            : NULL;
    int error = rules != NULL ? 0 : IQM_EPG;

    for (int row = 0; error == 0 && row < PQntuples(rules); row++) {
        const char *rule[] = {
            PQgetvalue(rules, row, 0), PQgetvalue(rules, row, 1), PQgetvalue(rules, row, 2)};
        error = strcmp(rule[2], "erase_person") == 0 ? count_people(connection, rule)
                                                     : count_rows(connection, rule);
    }
    if (error != 0)
        return EXIT_FAILURE;
    printf("Nothing was changed.\n");
    return EXIT_SUCCESS;
}

/* ---- doing ---- */

static bool is_complete(const struct iqm_config *config)
{
    if (*config->owner_database_url == '\0')
        fprintf(stderr, "Set IQM_OWNER_DATABASE_URL or IQM_DATABASE_URL: which database?\n");
    if (*config->key_database_url == '\0')
        fprintf(stderr, "Set IQM_KEY_DATABASE_URL: which database holds the keys?\n");
    if (*config->signing_key == '\0')
        fprintf(stderr, "Set IQM_SIGNING_KEY or IQM_SIGNING_KEY_FILE: it signs what was done.\n");
    return *config->owner_database_url != '\0' && *config->key_database_url != '\0' &&
           *config->signing_key != '\0';
}

static int tell(const struct iqm_retention_round *done, int error)
{
    if (done->busy) {
        printf("A round is under way already: nothing was done here.\n");
        return EXIT_SUCCESS;
    }
    printf("%" PRIu64 " rows were deleted, %" PRIu64 " people erased.\n", done->rows, done->people);
    if (done->failures > 0)
        fprintf(stderr, "%" PRIu64 " people or places were left: the database's log says why.\n",
            done->failures);
    if (error != 0)
        fprintf(stderr, "The round was given up: a database did not answer as it should. "
                        "Run it again.\n");
    return error == 0 && done->failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int carry_out(const struct iqm_config *config)
{
    static const atomic_bool never = false;
    struct iqm_retention_round done;

    iqm_log_open(IQM_LOG_OFF); /* what is said here is for people */
    iqm_server_settle_url(config, (int)config->port);
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = NULL;
    IQM_CLEANUP(cli_finish_connection) PGconn *keys = NULL;

    if (cli_connect_both(config, config->owner_database_url, NAME, &connection, &keys) != 0)
        return EXIT_FAILURE;
    return tell(&done, iqm_retention_go_round(config, connection, keys, &never, &done));
}

int cli_retention(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    bool dry = false;
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (read_options(argc, argv, &dry) != 0 || iqm_config_load(&config, stderr) != 0 ||
        (!dry && !is_complete(&config)))
        return EXIT_USAGE;
    return dry ? look(&config) : carry_out(&config);
}
