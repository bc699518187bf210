/*
 * `iqmd export`: the whole programme into a file, for an operator. It has no name until it is
 * whole, so that nothing is left of one that was cut off. Must not print a value of the
 * environment.
 */
#include "cli.h"
#include "contract_tables.h"
#include "iqm/ask.h"
#include "iqm/ids.h"
#include "iqm/keyring.h"
#include "iqm/log.h"
#include "iqm/programme_file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "iqmd export"
#define BAR_WIDTH 30
#define PATH_MAX_BYTES 4096
#define NAME_BYTES 16 /* what a part has behind the path */

static const struct cli_verb verbs[] = {{"", "--format xlsx|csv FILE",
    "Writes every list of the programme, as all of it is at one moment, into FILE, which only you "
    "may\n"
    "read: a workbook with a sheet for each, or a ZIP archive of CSV; with a dictionary of the "
    "data.\n"
    "It holds personal data in clear. That it was written is noted in the audit log, and of "
    "everybody\n"
    "in it that the operator was given it. A file that has the name already is replaced.\n\n"
    "  --format xlsx|csv   which of them\n\n"
    "IQM_DATABASE_URL, IQM_KEY_DATABASE_URL and IQM_MASTER_KEY are needed as the server has them.\n"
    "Exit status: 0 written, 1 it failed and nothing is left, 2 wrong usage.",
    CLI_OPTIONS}};
static const struct cli_command command = {"export", "", verbs, IQM_LENGTH(verbs)};

struct export
{
    const char *path;
    bool is_csv, is_terminal;
    char directory[PATH_MAX_BYTES];
    int fd;
    PGconn *notes;         /* beside the one that the snapshot is of */
    uint64_t bytes, shown; /* ms */
};

static const atomic_bool never;

static int read_options(int argc, char **argv, struct export *export)
{
    static const struct option known[] = {
        {"format", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    const char *format = NULL;
    int found;

    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (found != 'f')
            return cli_wrong(&command, &verbs[0]);
        format = optarg;
    }
    if (argc - optind != 1)
        return cli_wrong_count(&command, &verbs[0]);
    if (format == NULL || (strcmp(format, "xlsx") != 0 && strcmp(format, "csv") != 0)) {
        fprintf(stderr, NAME ": say --format xlsx or --format csv.\n");
        return cli_wrong(&command, &verbs[0]);
    }
    export->path = argv[optind];
    export->is_csv = strcmp(format, "csv") == 0;
    return 0;
}

/* ---- progress ---- */

static int tell(void *user, uint64_t done, uint64_t total, const char *at)
{
    static const char full[] = "##############################";
    static const char empty[] = "..............................";
    struct export *export = user;
    uint64_t now = iqm_clock_ms();
    unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 100;
    int filled = (int)(percent * BAR_WIDTH / 100);

    (void)at;
    if (now - export->shown < (export->is_terminal ? 100 : 3000) && done < total)
        return 0;
    export->shown = now;
    if (export->is_terminal)
        fprintf(stderr, "\r[%.*s%.*s] %3u %%  %" PRIu64 " of %" PRIu64 " records", filled, full,
            BAR_WIDTH - filled, empty, percent, done, total);
    else
        fprintf(stderr, "%u %%, %" PRIu64 " of %" PRIu64 " records\n", percent, done, total);
    return 0;
}

/* ---- the file ---- */

static int take(void *user, const char *bytes, size_t length)
{
    struct export *export = user;

    export->bytes += length;
    while (length > 0) {
        ssize_t put = write(export->fd, bytes, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return IQM_EIO;
        bytes += put;
        length -= (size_t)put;
    }
    return 0;
}

/* Beside the snapshot, so that it stays whatever becomes of the file. */
static int note(void *user, const char *people)
{
    const struct export *export = user;
    IQM_CLEANUP(cli_clear_result)
    PGresult *done = iqm_ask(
        export->notes, "SELECT note_programme_export($1::uuid[])", 1, &people, NULL, NULL, &never);

    return done != NULL ? 0 : IQM_EPG;
}

static int complain(const struct export *export, const char *why)
{
    fprintf(stderr, "%s cannot be written: %s.\n", export->path, why);
    return IQM_EIO;
}

/* What is there already must be a file: neither a device nor a link is replaced. */
static int open_part(struct export *export)
{
    struct stat there;
    size_t length = strlen(export->path);

    if (length == 0 || length >= sizeof export->directory - NAME_BYTES)
        return complain(export, strerror(length == 0 ? ENOENT : ENAMETOOLONG));
    if (lstat(export->path, &there) == 0 && !S_ISREG(there.st_mode))
        return complain(export, "it is there already, and no file");
    char copy[PATH_MAX_BYTES];
    memcpy(copy, export->path, length + 1);
    snprintf(export->directory, sizeof export->directory, "%s", dirname(copy));
    export->fd = open(export->directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
    return export->fd >= 0 ? 0 : complain(export, strerror(errno));
}

/* A name of its own first: only a rename puts it in the place of another. */
static int keep_part(const struct export *export)
{
    char held[40], part[PATH_MAX_BYTES];

    snprintf(held, sizeof held, "/proc/self/fd/%d", export->fd);
    snprintf(part, sizeof part, "%s.%08x", export->path, randombytes_random());
    if (fsync(export->fd) != 0 || linkat(AT_FDCWD, held, AT_FDCWD, part, AT_SYMLINK_FOLLOW) != 0)
        return complain(export, strerror(errno));
    if (rename(part, export->path) == 0)
        return 0;
    complain(export, strerror(errno));
    unlink(part);
    return IQM_EIO;
}

/* ---- the database ---- */

static int run(PGconn *connection, const char *sql)
{
    IQM_CLEANUP(cli_clear_result)
    PGresult *done = iqm_ask(connection, sql, 0, NULL, NULL, NULL, &never);

    return done != NULL ? 0 : IQM_EPG;
}

/* Noted first: what cannot be noted is not given out. */
static int begin(PGconn *connection)
{
    if (run(connection, "SELECT note_programme_export()") != 0 ||
        !iqm_programme_snapshot(connection, &never))
        return IQM_EPG;
    return run(connection, "SELECT set_config('iqm.roles', '{head_office}', true)");
}

static const char *reason(int error)
{
    if (error == IQM_EIO)
        return "the file, or one beside it, cannot be written";
    if (error == IQM_EINVAL)
        return "a key is of another master key";
    return error == IQM_ENOMEM ? "memory is out" : "a database did not answer as it should";
}

static int write_part(
    struct export *export, PGconn *connection, const struct iqm_seal_secrets *secrets, PGconn *keys)
{
    struct iqm_programme_file file = {.connection = connection,
        .keys = keys,
        .secrets = secrets,
        .is_csv = export->is_csv,
        .asked_by = "the operator (iqmd export)",
        .stopping = &never,
        .take = take,
        .note = note,
        .tell = tell,
        .directory = export->directory,
        .user = export};
    int error = begin(connection);
    if (error == 0)
        error = iqm_programme_file_write(&file);
    if (export->is_terminal)
        fprintf(stderr, "\r\033[K");
    if (error != 0)
        fprintf(stderr, "Nothing was written: %s.\n", reason(error));
    return error == 0 ? keep_part(export) : error;
}

static int export_with(
    struct export *export, const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = NULL;
    IQM_CLEANUP(cli_finish_connection) PGconn *keys = NULL;

    if (cli_connect_both(config, config->database_url, NAME, &connection, &keys) != 0)
        return EXIT_FAILURE;
    IQM_CLEANUP(cli_finish_connection)
    PGconn *notes = iqm_ask_connect(config, config->database_url, NAME, &never);
    if (notes == NULL)
        fprintf(stderr, "The database lends no second connection.\n");
    if (notes == NULL || open_part(export) != 0)
        return EXIT_FAILURE;
    export->notes = notes;
    int error = write_part(export, connection, secrets, keys);
    if (error == 0)
        printf("%s: %" PRIu64 " bytes.\n", export->path, export->bytes);
    close(export->fd);
    return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_export(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    struct export export = {.fd = -1, .is_terminal = isatty(STDERR_FILENO) == 1};
    int status;

    if (cli_read_verb(&command, argc, argv, &status) == NULL)
        return status;
    if (read_options(argc, argv, &export) != 0 || iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    if (*config.database_url == '\0') {
        fprintf(stderr, "Set IQM_DATABASE_URL: which database?\n");
        return EXIT_USAGE;
    }
    iqm_log_open(IQM_LOG_OFF); /* what is said here is for people */
    IQM_CLEANUP(iqm_keyring_closep) struct iqm_keyring *keyring = iqm_keyring_open(&config, stderr);
    return keyring != NULL ? export_with(&export, &config, iqm_keyring_secrets(keyring))
                           : EXIT_FAILURE;
}
