/*
 * One file, from the snapshot to its last piece. What is kept of it is sealed; each piece is a
 * transaction that first looks whether the file is still wanted. Must not hold a lock for long, nor
 * two at once: an erasure waits for them.
 */
#include "programme/download/job.h"

#include "iqm/ask.h"
#include "iqm/keyring.h"
#include "iqm/programme_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_EVERY_MS 1000
#define VALUES_MAX 6

static int failure(const PGconn *connection)
{
    return iqm_ask_is_lost(connection) ? IQM_EPGLOST : IQM_EPG;
}

static PGresult *ask(struct job *job, PGconn *connection, const char *sql, int count,
    const char *const *more, const int *lengths, const int *formats)
{
    const char *values[VALUES_MAX] = {job->id, job->turn};

    for (int i = 0; i < count; i++)
        values[i + 2] = more[i];
    return iqm_ask(connection, sql, count + 2, values, lengths, formats, job->stopping);
}

/* A function that says whether the file is still wanted. */
static int ask_whether(struct job *job, PGconn *connection, const char *sql, int count,
    const char *const *more, const int *lengths, const int *formats)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = ask(job, connection, sql, count, more, lengths, formats);

    if (PQntuples(rows) != 1)
        return failure(connection);
    return *PQgetvalue(rows, 0, 0) != 0 ? 0 : IQM_ENOTFOUND;
}

int job_begin(struct job *job)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows = iqm_ask(job->writes,
        "SELECT id::text, attempt::text, format, asked_by::text FROM begin_programme_download()", 0,
        NULL, NULL, NULL, job->stopping);

    if (rows == NULL)
        return failure(job->writes);
    if (PQntuples(rows) == 0)
        return IQM_ENOTFOUND;
    snprintf(job->id, sizeof job->id, "%s", PQgetvalue(rows, 0, 0));
    snprintf(job->turn, sizeof job->turn, "%s", PQgetvalue(rows, 0, 1));
    snprintf(job->asked_by, sizeof job->asked_by, "%s", PQgetvalue(rows, 0, 3));
    job->is_csv = strcmp(PQgetvalue(rows, 0, 2), "csv") == 0;
    return 0;
}

/* ---- pieces ---- */

static int keep_piece(struct job *job)
{
    static const int formats[] = {0, 0, 0, 1};
    struct iqm_slice clear = {job->piece, job->piece_length};
    const int lengths[] = {0, 0, 0, (int)(job->piece_length + IQM_PIECE_EXTRA)};
    char number[24];
    const char *more[] = {number, (const char *)job->sealed};

    if (job->piece_length == 0)
        return 0;
    iqm_piece_seal(job->key, job->id, job->pieces, clear, job->sealed);
    crypto_hash_sha256_update(&job->hash, (const uint8_t *)job->piece, job->piece_length);
    snprintf(number, sizeof number, "%" PRIu64, job->pieces);
    job->pieces++;
    job->piece_length = 0;
    return ask_whether(job, job->writes,
        "SELECT add_programme_download_chunk($1::uuid, $2::integer, $3::integer, $4::bytea)", 2,
        more, lengths, formats);
}

static int fail_for(struct job *job, const char *fault)
{
    job->fault = fault;
    return IQM_ELIMIT;
}

static int take(void *user, const char *bytes, size_t length)
{
    struct job *job = user;
    int error = 0;

    job->size += length;
    if (job->size > (uint64_t)job->config->download_limit)
        return fail_for(job, "too_large");
    while (length > 0 && error == 0) {
        size_t room = IQM_DOWNLOAD_PIECE - job->piece_length;
        size_t some = length < room ? length : room;
        memcpy(job->piece + job->piece_length, bytes, some);
        job->piece_length += some;
        bytes += some;
        length -= some;
        if (job->piece_length == IQM_DOWNLOAD_PIECE)
            error = keep_piece(job);
    }
    return error;
}

static int note(void *user, const char *people)
{
    struct job *job = user;

    return ask_whether(job, job->writes,
        "SELECT note_programme_download($1::uuid, $2::integer, $3::uuid[])", 1, &people, NULL,
        NULL);
}

static int tell(void *user, uint64_t done, uint64_t total, const char *at)
{
    struct job *job = user;
    uint64_t now = iqm_clock_ms();
    char texts[2][24];
    const char *more[] = {texts[0], texts[1], at};

    job->done = done;
    if (now - job->started > (uint64_t)IQM_DOWNLOAD_SECONDS * 1000)
        return fail_for(job, "took_too_long");
    if (job->told != 0 && now - job->told < TELL_EVERY_MS)
        return 0;
    job->told = now;
    snprintf(texts[0], sizeof texts[0], "%" PRIu64, done);
    snprintf(texts[1], sizeof texts[1], "%" PRIu64, total);
    return ask_whether(job, job->writes,
        "SELECT tell_programme_download($1::uuid, $2::integer, $3::bigint, $4::bigint, "
        "$5::timestamptz)",
        3, more, NULL, NULL);
}

/* ---- the whole ---- */

/* Its key may have been destroyed with somebody's, who then was erased before it was begun. */
static int finish(struct job *job)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char digest[2 * sizeof hash + 1], size[24];
    const char *more[] = {size, digest};
    int error = keep_piece(job);

    if (error == 0)
        error = iqm_file_key_check(job->keys, job->secrets, job->id, job->stopping, job->key);
    if (error != 0)
        return error == IQM_ENOTFOUND ? IQM_EPG : error;
    crypto_hash_sha256_final(&job->hash, hash);
    sodium_bin2hex(digest, sizeof digest, hash, sizeof hash);
    snprintf(size, sizeof size, "%" PRIu64, job->size);
    return ask_whether(job, job->writes,
        "SELECT finish_programme_download($1::uuid, $2::integer, $3::bigint, $4)", 2, more, NULL,
        NULL);
}

static int write_file(struct job *job)
{
    const struct iqm_programme_file file = {.connection = job->reads,
        .keys = job->keys,
        .secrets = job->secrets,
        .directory = job->config->spool_dir,
        .is_csv = job->is_csv,
        .asked_by = job->asked_by,
        .stopping = job->stopping,
        .take = take,
        .note = note,
        .tell = tell,
        .user = job};
    int error = iqm_file_key_make(job->keys, job->secrets, job->id, job->stopping, job->key);

    if (error == 0 && !iqm_programme_snapshot(job->reads, job->stopping))
        error = failure(job->reads);
    if (error == 0)
        error = ask_whether(job, job->reads,
            "SELECT open_programme_download($1::uuid, $2::integer)", 0, NULL, NULL, NULL);
    if (error == 0)
        error = iqm_programme_file_write(&file);
    return error == 0 ? finish(job) : error;
}

static int say_fault(struct job *job)
{
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *said = ask(job, job->writes,
        "SELECT fail_programme_download($1::uuid, $2::integer, $3)", 1, &job->fault, NULL, NULL);

    return said != NULL ? IQM_ELIMIT : failure(job->writes);
}

int job_make(struct job *job)
{
    job->piece = malloc(IQM_DOWNLOAD_PIECE);
    job->sealed = malloc(IQM_DOWNLOAD_PIECE + IQM_PIECE_EXTRA);
    crypto_hash_sha256_init(&job->hash);
    int error = job->piece != NULL && job->sealed != NULL ? write_file(job) : IQM_ENOMEM;

    if (error == IQM_ELIMIT && job->fault != NULL)
        error = say_fault(job);
    if (job->piece != NULL)
        sodium_memzero(job->piece, IQM_DOWNLOAD_PIECE);
    free(job->piece);
    free(job->sealed);
    sodium_memzero(job->key, sizeof job->key);
    return error;
}
