/*
 * The import: the file is probed, then read twice, once to check every row and once to write.
 * Must not write anything before the whole file is known to be good.
 */
#include "programme/register/record.h"
#include "programme/register/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)64 * 1024)
#define URN_LIMIT 1000000

/* Not an error to anybody but the passes here: the progress callback said to stop. */
#define STOPPED 1

struct import {
    const struct iqm_register_job *job;
    struct iqm_register_result *result;
    enum iqm_encoding encoding;
    size_t skip; /* the byte order mark */
    bool has_header;
    struct iqm_register_columns columns;
    uint32_t *lines; /* where a URN was first seen, by URN; 0 is not yet */
    struct iqm_store *store;
    char chunk[CHUNK];
};

typedef int chunk_fn(void *user, const char *bytes, size_t len);

static int stop_unless_wanted(struct import *import, enum iqm_register_phase phase, uint64_t at)
{
    struct iqm_register_result *result = import->result;
    uint64_t before[] = {
        [IQM_REGISTER_READING] = 0,
        [IQM_REGISTER_CHECKING] = 0,
        [IQM_REGISTER_WRITING] = result->file_bytes - result->file_bytes / 2,
    };
    struct iqm_register_progress progress = {
        .phase = phase,
        .done = before[phase] + (phase == IQM_REGISTER_READING ? 0 : at / 2),
        .total = result->file_bytes,
        .counts = result->counts,
    };
    result->read_bytes = at;
    if (!import->job->progress || import->job->progress(import->job->user, &progress))
        return 0;
    return STOPPED;
}

static ssize_t read_at(int fd, char *bytes, size_t len, uint64_t at)
{
    ssize_t got;
    do
        got = pread(fd, bytes, len, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

/* One pass over the file, from `at` on. */
static int pass(
    struct import *import, enum iqm_register_phase phase, uint64_t at, chunk_fn *take, void *user)
{
    for (;;) {
        int r = stop_unless_wanted(import, phase, at);
        if (r != 0)
            return r;
        ssize_t got = read_at(import->job->fd, import->chunk, CHUNK, at);
        if (got <= 0)
            return got < 0 ? IQM_EIO : 0;
        r = take(user, import->chunk, (size_t)got);
        if (r != 0)
            return r;
        at += (uint64_t)got;
    }
}

static int take_probe(void *user, const char *bytes, size_t len)
{
    iqm_probe_push(user, bytes, len);
    return 0;
}

static int take_rows(void *user, const char *bytes, size_t len)
{
    return iqm_csv_push(user, bytes, len);
}

static void report_fault(struct import *import, struct iqm_csv_fault fault)
{
    if (fault.reason)
        iqm_register_error(&import->result->report, fault.line, NULL, "%s", fault.reason);
}

static int probe(struct import *import)
{
    struct iqm_probe state;
    struct iqm_csv_fault fault;
    iqm_probe_init(&state);
    int r = pass(import, IQM_REGISTER_READING, 0, take_probe, &state);
    if (r != 0)
        return r;
    r = iqm_probe_finish(&state, &import->encoding, &import->skip, &fault);
    if (r < 0)
        report_fault(import, fault);
    return r;
}

static int read_rows(struct import *import, enum iqm_register_phase phase, iqm_csv_row_fn *row)
{
    IQM_CLEANUP(iqm_csv_freep) struct iqm_csv *csv = iqm_csv_new(import->encoding, row, import);
    if (!csv)
        return IQM_ENOMEM;
    import->has_header = false;
    int r = pass(import, phase, import->skip, take_rows, csv);
    if (r == 0)
        r = iqm_csv_finish(csv);
    if (r == IQM_EINVAL)
        report_fault(import, iqm_csv_fault(csv));
    return r;
}

static void check_twin(struct import *import, const json_t *record, uint64_t line)
{
    const char *urn = json_string_value(json_object_get(record, "urn"));
    unsigned long number = strtoul(urn, NULL, 10) % URN_LIMIT;
    uint32_t first = import->lines[number];
    if (first == 0)
        import->lines[number] = line < UINT32_MAX ? (uint32_t)line : UINT32_MAX;
    else
        iqm_register_error(&import->result->report, line, "URN",
            "The URN %s was already on line %u of this file.", urn, first);
}

static int take_header(
    struct import *import, const struct iqm_csv_row *row, struct iqm_register_report *report)
{
    int r = iqm_register_header(row, report, &import->columns);
    import->has_header = r == 0;
    return r;
}

/* First pass: every row's faults are gathered, so that one import tells them all. */
static int check_row(void *user, const struct iqm_csv_row *row)
{
    struct import *import = user;
    struct iqm_register_report *report = &import->result->report;
    json_t *record = NULL;
    if (!import->has_header)
        return take_header(import, row, report);
    import->result->counts.rows++;
    int r = iqm_register_record(&import->columns, row, report, &record);
    if (r == 0)
        check_twin(import, record, row->line);
    json_decref(record);
    return r == IQM_ENOMEM ? r : 0;
}

/* Second pass; a row that is bad only now means that the file has changed under our hands. */
static int write_row(void *user, const struct iqm_csv_row *row)
{
    struct import *import = user;
    json_t *record = NULL;
    if (!import->has_header)
        return take_header(import, row, NULL);
    int r = iqm_register_record(&import->columns, row, NULL, &record);
    return r < 0 ? r : iqm_store_add(import->store, record);
}

static int check(struct import *import)
{
    struct iqm_register_result *result = import->result;
    int r = probe(import);
    if (r != 0)
        return r;
    import->lines = calloc(URN_LIMIT, sizeof(*import->lines));
    if (!import->lines)
        return IQM_ENOMEM;
    r = read_rows(import, IQM_REGISTER_CHECKING, check_row);
    free(import->lines);
    import->lines = NULL;
    if (r != 0)
        return r;
    if (!import->has_header)
        iqm_register_error(&result->report, 0, NULL, "The file has no header row.");
    else if (result->counts.rows == 0)
        iqm_register_error(&result->report, 0, NULL, "The file has no row after its header.");
    return result->report.errors.total > 0 ? IQM_EINVAL : 0;
}

static void say(struct iqm_register_result *result, const char *sentence)
{
    snprintf(result->sentence, sizeof(result->sentence), "%s", sentence);
}

static void say_done(const struct import *import)
{
    import->result->outcome = IQM_REGISTER_DONE;
    say(import->result, import->job->dry_run
                            ? "The file is good; as this was a dry run, nothing was changed."
                            : "The file was imported.");
}

static int finish(struct import *import)
{
    const struct iqm_register_job *job = import->job;
    int r = iqm_store_flush(import->store);
    if (r < 0 || job->dry_run)
        return r;
    /* What is written there tells of a success, which it becomes by the commit. */
    say_done(import);
    if (job->before_commit && job->before_commit(job->user, job->connection, import->result) != 0)
        return PQstatus(job->connection) == CONNECTION_OK ? IQM_EPG : IQM_EPGLOST;
    return iqm_store_commit(import->store);
}

static int write_all(struct import *import)
{
    const struct iqm_register_job *job = import->job;
    int r = iqm_store_open(
        job->connection, job->actor, &import->columns, &import->result->counts, &import->store);
    if (r == 0)
        r = read_rows(import, IQM_REGISTER_WRITING, write_row);
    if (r == IQM_EINVAL) {
        iqm_register_error(
            &import->result->report, 0, NULL, "The file changed while it was being imported.");
        return r;
    }
    return r == 0 ? finish(import) : r;
}

static const char *database_sentence(const char *sqlstate)
{
    static const char *const sentences[][2] = {
        {"23505", "Somebody created a school with one of these URNs at the same time; nothing was "
                  "changed. Import the file again."},
        {"40", "The database was busy with the same schools; nothing was changed. Try again."},
        {"55P03", "The database was busy with the same schools for too long; nothing was changed. "
                  "Try again."},
        {"57014",
            "The import took too long or was cancelled in the database; nothing was changed."},
        {"42501", "The database does not let this connection write schools; nothing was changed."},
        {"42P01", "The database lacks the tables of this program: migrate it first."},
        {"53", "The database has no room or no memory left; nothing was changed."},
        {"23", "The database's rules refused a school of the file; nothing was changed."},
    };
    for (size_t i = 0; i < IQM_LENGTH(sentences); i++)
        if (strncmp(sqlstate, sentences[i][0], strlen(sentences[i][0])) == 0)
            return sentences[i][1];
    return "The database refused; nothing was changed.";
}

static const char *failure_sentence(int error, const char *sqlstate)
{
    if (error == IQM_EPGLOST)
        return "The connection to the database was lost; importing the same file again is safe.";
    if (error == IQM_ENOMEM)
        return "Memory ran out; nothing was changed.";
    if (error == IQM_EIO)
        return "The file could not be read to its end; nothing was changed.";
    return database_sentence(sqlstate);
}

static void say_refused(struct iqm_register_result *result)
{
    uint64_t total = result->report.errors.total;
    snprintf(result->sentence, sizeof(result->sentence),
        "The file has %llu error%s; nothing was changed.", (unsigned long long)total,
        total == 1 ? "" : "s");
}

static int conclude(struct import *import, int r)
{
    struct iqm_register_result *result = import->result;
    const char *sqlstate = import->store ? iqm_store_sqlstate(import->store) : "";
    snprintf(result->sqlstate, sizeof(result->sqlstate), "%s", sqlstate);
    if (r != 0)
        result->counts.created = result->counts.updated = result->counts.unchanged = 0;
    if (r == 0) {
        say_done(import);
    } else if (r == IQM_EINVAL) {
        result->outcome = IQM_REGISTER_REFUSED;
        say_refused(result);
    } else if (r == STOPPED) {
        result->outcome = IQM_REGISTER_STOPPED;
        say(result, "The import was stopped; nothing was changed.");
    } else {
        result->outcome = IQM_REGISTER_FAILED;
        say(result, failure_sentence(r, sqlstate));
    }
    return r < 0 && r != IQM_EINVAL ? r : 0;
}

int iqm_register_import(const struct iqm_register_job *job, struct iqm_register_result *ret_result)
{
    struct stat status;
    *ret_result = (struct iqm_register_result){0};
    IQM_CLEANUP(iqm_free_pointer) struct import *import = calloc(1, sizeof(*import));
    if (!import || fstat(job->fd, &status) < 0) {
        ret_result->outcome = IQM_REGISTER_FAILED;
        say(ret_result, failure_sentence(import ? IQM_EIO : IQM_ENOMEM, ""));
        return import ? IQM_EIO : IQM_ENOMEM;
    }
    ret_result->file_bytes = (uint64_t)status.st_size;
    import->job = job;
    import->result = ret_result;
    int r = check(import);
    if (r == 0)
        r = write_all(import);
    r = conclude(import, r);
    iqm_store_free(import->store);
    return r;
}

void iqm_register_result_free(struct iqm_register_result *result)
{
    iqm_register_report_free(&result->report);
}
