/* The row that tells how an import goes. Must never write over what another process has written. */
#include "programme/register/status.h"
#include "contract_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void clear_result(PGresult **result)
{
    PQclear(*result);
}

static int failure(const PGconn *connection)
{
    return PQstatus(connection) == CONNECTION_BAD ? IQM_EPGLOST : IQM_EPG;
}

char *iqm_import_status_new(const char *id, bool dry_run, uint64_t file_bytes)
{
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    json_t *document = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:b, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:[], s:i, s:[]}", "id",
        id, "version", 1, "created_at", now, "updated_at", now, "status", "queued", "dry_run",
        dry_run ? 1 : 0, "file_bytes", (json_int_t)file_bytes, "read_bytes", 0, "rows", 0,
        "created", 0, "updated", 0, "unchanged", 0, "error_count", 0, "errors", "warning_count", 0,
        "warnings");
    char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}

static bool is_finished(const json_t *document)
{
    const char *status = json_string_value(json_object_get(document, "status"));

    return status != NULL && (strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0);
}

int iqm_import_status_load(PGconn *connection, const char *id, struct iqm_import_status *ret_status)
{
    const char *values[] = {id};
    *ret_status = (struct iqm_import_status){0};
    IQM_CLEANUP(clear_result)
    PGresult *row = PQexecParams(
        connection, IQM_STATEMENT_REGISTER_IMPORT_LOAD->sql, 1, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(row) != PGRES_TUPLES_OK)
        return failure(connection);
    if (PQntuples(row) == 0)
        return IQM_ENOTFOUND;
    snprintf(ret_status->id, sizeof ret_status->id, "%s", id);
    snprintf(ret_status->actor, sizeof ret_status->actor, "%s", PQgetvalue(row, 0, 1));
    ret_status->version = strtoll(PQgetvalue(row, 0, 0), NULL, 10);
    ret_status->document = json_loads(PQgetvalue(row, 0, 2), 0, NULL);
    if (ret_status->document == NULL)
        return IQM_ENOMEM;
    ret_status->dry_run = json_is_true(json_object_get(ret_status->document, "dry_run"));
    ret_status->finished = is_finished(ret_status->document);
    return 0;
}

void iqm_import_status_free(struct iqm_import_status *status)
{
    json_decref(status->document);
    status->document = NULL;
}

/* Members that are there keep their place. A value that could not be made is an error here. */
static int set(struct iqm_import_status *status, const char *member, json_t *value)
{
    return json_object_set_new(status->document, member, value) == 0 ? 0 : IQM_ENOMEM;
}

static int set_number(struct iqm_import_status *status, const char *member, uint64_t value)
{
    return set(status, member, json_integer((json_int_t)value));
}

int iqm_import_status_progress(
    struct iqm_import_status *status, uint64_t read_bytes, const struct iqm_register_counts *counts)
{
    int error = set_number(status, "read_bytes", read_bytes);

    error = error != 0 ? error : set_number(status, "rows", counts->rows);
    error = error != 0 ? error : set_number(status, "created", counts->created);
    error = error != 0 ? error : set_number(status, "updated", counts->updated);
    return error != 0 ? error : set_number(status, "unchanged", counts->unchanged);
}

int iqm_import_status_start(struct iqm_import_status *status)
{
    int error = set(status, "status", json_string("running"));

    /* An earlier attempt's counts went with its transaction. */
    return error != 0 ? error
                      : iqm_import_status_progress(status, 0, &(struct iqm_register_counts){0});
}

static int set_notes(struct iqm_import_status *status, const char *count, const char *list,
    const struct iqm_register_notes *notes)
{
    int error = set_number(status, count, notes->total);

    return error != 0 ? error : set(status, list, iqm_register_notes_json(notes));
}

/* The sentence stands in for errors when it was not the file that failed. */
static int set_sentence(struct iqm_import_status *status, const char *sentence)
{
    int error = set_number(status, "error_count", 1);

    return error != 0
               ? error
               : set(status, "errors", json_pack("[{s:i, s:s}]", "line", 0, "detail", sentence));
}

int iqm_import_status_finish(
    struct iqm_import_status *status, const struct iqm_register_result *result)
{
    bool good = result->outcome == IQM_REGISTER_DONE;
    uint64_t read = good ? result->file_bytes : result->read_bytes;
    int error = set(status, "status", json_string(good ? "succeeded" : "failed"));

    error = error != 0 ? error : iqm_import_status_progress(status, read, &result->counts);
    error = error != 0 ? error
                       : set_notes(status, "warning_count", "warnings", &result->report.warnings);
    if (error != 0)
        return error;
    if (result->outcome == IQM_REGISTER_FAILED)
        return set_sentence(status, result->sentence);
    return set_notes(status, "error_count", "errors", &result->report.errors);
}

static int update(PGconn *connection, const struct iqm_import_status *status, const char *text)
{
    char before[24];
    snprintf(before, sizeof before, "%" PRId64, status->version);
    const char *values[] = {before, text, status->id};
    IQM_CLEANUP(clear_result)
    PGresult *result = PQexecParams(
        connection, IQM_STATEMENT_REGISTER_IMPORT_WRITE->sql, 3, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return failure(connection);
    return strcmp(PQcmdTuples(result), "1") == 0 ? 0 : IQM_ENOTFOUND;
}

int iqm_import_status_write(PGconn *connection, struct iqm_import_status *status)
{
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    int error = set_number(status, "version", (uint64_t)status->version + 1);
    error = error != 0 ? error : set(status, "updated_at", json_string(now));
    if (error != 0)
        return error;
    IQM_CLEANUP(iqm_free_pointer) char *text = json_dumps(status->document, JSON_COMPACT);
    if (text == NULL)
        return IQM_ENOMEM;
    error = update(connection, status, text);
    if (error == 0)
        status->version++;
    return error;
}
