/*
 * `iqmd import register FILE|- [--dry-run]`: the register of schools from a file, for an operator.
 * Must not print a value of the environment: the database's address may hold a password.
 */
#include "iqm/config.h"
#include "iqm/ids.h"
#include "iqm/register.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_REFUSED 1
#define EXIT_ENVIRONMENT 2

/* What standard input may bring at most: twice what the register's file could grow to in years. */
#define SPOOL_MAX ((uint64_t)1024 * 1024 * 1024)

#define BAR_WIDTH 30

struct display {
    bool terminal;
    uint64_t started, last; /* ms */
};

static void usage(FILE *out)
{
    fprintf(out,
        "Usage: iqmd import register FILE|- [--dry-run]\n\n"
        "Imports the Department for Education's register of schools, as CSV in UTF-8 or\n"
        "Windows-1252; \"-\" reads standard input. It is all or nothing: a file with an error\n"
        "changes nothing. What people edited here stays. Importing a file twice is harmless.\n\n"
        "  --dry-run   check the file, tell what it would change, change nothing\n\n"
        "IQM_DATABASE_URL names the database. Exit status: 0 imported, 1 the file was refused,\n"
        "2 wrong usage, or the database or the machine failed.\n");
}

static const char *phase_name(enum iqm_register_phase phase)
{
    static const char *const names[] = {
        [IQM_REGISTER_READING] = "reading",
        [IQM_REGISTER_CHECKING] = "checking",
        [IQM_REGISTER_WRITING] = "importing",
    };
    return names[phase];
}

static void draw_bar(const struct iqm_register_progress *progress, unsigned percent)
{
    static const char full[] = "##############################";
    static const char empty[] = "..............................";
    int filled = (int)(percent * BAR_WIDTH / 100);
    fprintf(stderr, "\r%-9s [%.*s%.*s] %3u %%  %llu rows", phase_name(progress->phase), filled,
        full, BAR_WIDTH - filled, empty, percent, (unsigned long long)progress->counts.rows);
}

static bool show_progress(void *user, const struct iqm_register_progress *progress)
{
    struct display *display = user;
    uint64_t now = iqm_clock_ms();
    if (now - display->last < (display->terminal ? 100 : 3000))
        return true;
    display->last = now;
    unsigned percent = progress->total > 0 ? (unsigned)(progress->done * 100 / progress->total) : 0;
    percent = percent > 100 ? 100 : percent;
    if (display->terminal)
        draw_bar(progress, percent);
    else
        fprintf(stderr, "%s: %u %%, %llu rows\n", phase_name(progress->phase), percent,
            (unsigned long long)progress->counts.rows);
    return true;
}

static void print_notes(const char *kind, const struct iqm_register_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct iqm_register_note *note = &notes->items[i];
        fprintf(stderr, "%s: ", kind);
        if (note->line > 0)
            fprintf(stderr, "line %llu: ", (unsigned long long)note->line);
        if (note->column)
            fprintf(stderr, "%s: ", note->column);
        fprintf(stderr, "%s\n", note->detail);
    }
    if (notes->total > notes->count)
        fprintf(
            stderr, "%s: and %llu more\n", kind, (unsigned long long)(notes->total - notes->count));
}

static void print_summary(const struct iqm_register_result *result, uint64_t ms)
{
    printf("%s\n", result->sentence);
    if (result->outcome != IQM_REGISTER_DONE)
        return;
    printf("%llu schools in the file: %llu created, %llu updated, %llu unchanged; %llu warnings; "
           "%llu.%llu s\n",
        (unsigned long long)result->counts.rows, (unsigned long long)result->counts.created,
        (unsigned long long)result->counts.updated, (unsigned long long)result->counts.unchanged,
        (unsigned long long)result->report.warnings.total, (unsigned long long)(ms / 1000),
        (unsigned long long)(ms % 1000 / 100));
}

static int write_whole(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno != EINTR)
            return IQM_EIO;
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* A file without a name: it goes when the process does, however that ends. */
static int open_unnamed(void)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/iqmd-import-XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int copy_all(int from, int to)
{
    char chunk[64 * 1024];
    uint64_t total = 0;
    for (;;) {
        ssize_t got = read(from, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? IQM_EIO : 0;
        total += (uint64_t)got;
        if (total > SPOOL_MAX)
            return IQM_ELIMIT;
        if (write_whole(to, chunk, (size_t)got) < 0)
            return IQM_EIO;
    }
}

/* The file is read three times; what comes through a pipe is kept aside for that. */
static int spool(int from)
{
    int fd = open_unnamed();
    int r = fd < 0 ? IQM_EIO : copy_all(from, fd);
    if (r == 0)
        return fd;
    fprintf(stderr,
        r == IQM_ELIMIT ? "The input is longer than 1 GiB.\n"
                        : "The input could not be kept in a temporary file: %s.\n",
        strerror(errno));
    iqm_close_fd(&fd);
    return -1;
}

/* An open, seekable file; or -1 after saying why not. */
static int open_file(const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        fprintf(stderr, "%s cannot be opened: %s.\n", path, strerror(errno));
        iqm_close_fd(&fd);
        return -1;
    }
    if (S_ISREG(status.st_mode) && !standard)
        return fd;
    int kept = -1;
    if (S_ISDIR(status.st_mode))
        fprintf(stderr, "%s is a directory.\n", path);
    else
        kept = spool(fd);
    iqm_close_fd(&fd);
    return kept;
}

static void clear_connection(PGconn **connection)
{
    PQfinish(*connection);
}

static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

static bool take_role(PGconn *connection, const char *role)
{
    char *name = PQescapeIdentifier(connection, role, strlen(role));
    char statement[200];
    int len = name ? snprintf(statement, sizeof(statement), "SET ROLE %s", name) : -1;
    PQfreemem(name);
    if (len < 0 || (size_t)len >= sizeof(statement))
        return false;
    PGresult *result = PQexec(connection, statement);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return good;
}

/* A connection acting as the server's role; or NULL after saying why not. */
static PGconn *open_database(void)
{
    struct iqm_config config;
    if (iqm_config_load(&config, stderr) < 0)
        return NULL;
    PGconn *connection = NULL;
    if (config.database_url[0] == '\0')
        fprintf(stderr, "IQM_DATABASE_URL is not set: it names the database.\n");
    else
        connection = PQconnectdb(config.database_url);
    if (connection && PQstatus(connection) != CONNECTION_OK)
        fprintf(stderr, "The database cannot be reached: %s", PQerrorMessage(connection));
    else if (connection && !take_role(connection, config.database_role))
        fprintf(stderr, "The database does not let this user act as %s: %s", config.database_role,
            PQerrorMessage(connection));
    else if (connection) {
        PQsetNoticeProcessor(connection, ignore_notice, NULL);
        iqm_config_free(&config);
        return connection;
    }
    PQfinish(connection);
    iqm_config_free(&config);
    return NULL;
}

static int exit_status(enum iqm_register_outcome outcome)
{
    if (outcome == IQM_REGISTER_DONE)
        return EXIT_SUCCESS;
    return outcome == IQM_REGISTER_REFUSED ? EXIT_REFUSED : EXIT_ENVIRONMENT;
}

static int import_file(int fd, PGconn *connection, bool dry_run)
{
    uint64_t now = iqm_clock_ms();
    struct display display = {isatty(STDERR_FILENO) == 1, now, now};
    struct iqm_register_job job = {
        .fd = fd,
        .connection = connection,
        .dry_run = dry_run,
        .progress = show_progress,
        .user = &display,
    };
    struct iqm_register_result result;
    iqm_register_import(&job, &result);
    if (display.terminal)
        fprintf(stderr, "\r\033[K");
    print_notes("warning", &result.report.warnings);
    print_notes("error", &result.report.errors);
    if (result.outcome == IQM_REGISTER_FAILED && result.sqlstate[0])
        fprintf(stderr, "SQLSTATE %s\n", result.sqlstate);
    print_summary(&result, iqm_clock_ms() - display.started);
    int status = exit_status(result.outcome);
    iqm_register_result_free(&result);
    return status;
}

/* Of what makes no sense; `what` may be NULL. */
static int complain(const char *sentence, const char *what)
{
    fprintf(stderr, "iqmd import: %s%s\n", sentence, what != NULL ? what : "");
    fprintf(stderr, "iqmd import register --help says how it is used.\n");
    return EXIT_ENVIRONMENT;
}

/* argv after the name of what is imported: one file, and the option in any place. 0 or a status. */
static int read_arguments(int argc, char **argv, const char **ret_path, bool *ret_dry_run)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0)
            *ret_dry_run = true;
        else if (argv[i][0] == '-' && argv[i][1] != '\0')
            return complain("unrecognized option ", argv[i]);
        else if (*ret_path != NULL)
            return complain("one file at a time; what is this for: ", argv[i]);
        else
            *ret_path = argv[i];
    }
    return *ret_path != NULL ? 0 : complain("name a file, or - for standard input.", NULL);
}

int iqm_cli_import(int argc, char **argv)
{
    const char *path = NULL;
    bool dry_run = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            return EXIT_SUCCESS;
        }
    }
    if (argc < 2)
        return complain("say what: iqmd import register FILE", NULL);
    if (strcmp(argv[1], "register") != 0)
        return complain("only the register can be imported, not ", argv[1]);
    if (read_arguments(argc, argv, &path, &dry_run) != 0)
        return EXIT_ENVIRONMENT;
    IQM_CLEANUP(iqm_close_fd) int fd = open_file(path);
    if (fd < 0)
        return EXIT_ENVIRONMENT;
    IQM_CLEANUP(clear_connection) PGconn *connection = open_database();
    return connection ? import_file(fd, connection, dry_run) : EXIT_ENVIRONMENT;
}
