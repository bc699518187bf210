/*
 * A file for evidence. It is received into a file without a name, so that a broken upload leaves
 * nothing; then one transaction brings it into the database, chunk by chunk, each sealed under the
 * key of the person who uploads:
 *   [begin, identify, hold] → body into the spool → type and digest → key → [begin, identify, hold]
 * → [chunk]… → [record, drop the old chunks, commit] The record is held only while its file is
 * written, never while a client sends. At no time is more than one chunk in memory, and what it is
 * sealed as.
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/ids.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"
#include "programme/evidence/file_check.h"
#include "programme/evidence/file_head.h"
#include "programme/register/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CHUNK_BYTES IQM_SNIFF_BYTES /* as the table evidence_chunk says */

/* What identifies in batches that begin a transaction, and what follows. */
enum { BEGUN, IDENTITY, UPLOADER, HELD, SEEN };
enum held_column { VERSION, SHA256, KIND, HAS_FILE };

struct upload {
    struct iqm_call *call;
    const char *name, *media_type;
    struct iqm_sniffer *sniffer;
    int file; /* negative when not open */
    uint64_t bytes;
    int disk_error; /* errno; the first one counts */
    crypto_hash_sha256_state hashing;
    uint8_t hash[SHA256_BYTES];
    char found[IQM_MEDIA_TYPE_TEXT];
    enum file_verdict verdict;

    char *chunk;
    int64_t chunk_length;
    uint64_t written;
    char n[24];
    char file_id[IQM_UUID_TEXT];
    char person[IQM_UUID_TEXT]; /* who uploads; empty: a program, whose files are not sealed */
    struct iqm_vault_fetch key;
    uint8_t *sealed; /* room for a chunk */
    char *document;  /* of the file, as the record tells it */
    bool replaces;

    void (*held)(struct upload *upload);
    struct iqm_pg_value values[5];
    struct iqm_pg_value old[2]; /* of the statement that drops the chunks of the file before */
    struct iqm_pg_batch batch;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_session *session;
};

static void release(struct iqm_call *call)
{
    struct upload *upload = call->state;

    iqm_pg_batch_clear(&upload->batch);
    iqm_close_fd(&upload->file);
    free(upload->document);
}

static void give_back(struct upload *upload)
{
    if (upload->session != NULL)
        iqm_pg_release(upload->session);
    upload->session = NULL;
}

static void fail(struct upload *upload)
{
    give_back(upload);
    iqm_auth_fail(upload->call);
}

static void fail_with(
    struct upload *upload, const struct iqm_problem_type *type, const char *sentence)
{
    if (sentence != NULL)
        iqm_problem_set(&upload->call->problem, type, "%s", sentence);
    else
        iqm_problem_set(&upload->call->problem, type, NULL);
    fail(upload);
}

static void add(struct upload *upload, const struct iqm_statement *statement, unsigned value_count)
{
    iqm_pg_batch_add(&upload->batch, statement->name, statement->sql, upload->values, value_count);
}

static void run(struct upload *upload, void (*done)(struct iqm_pg_batch *batch))
{
    upload->batch.done = done;
    upload->batch.user = upload;
    iqm_pg_run(upload->session, &upload->batch);
}

/* ---- the record ---- */

/* The version of the record, or the tag of the file itself. */
static bool is_current(const struct iqm_call *call, const PGresult *row)
{
    return iqm_etag_matches(call->if_match, PQgetvalue(row, 0, VERSION), false) ||
           (PQgetisnull(row, 0, SHA256) == 0 &&
               iqm_etag_matches(call->if_match, PQgetvalue(row, 0, SHA256), false));
}

/* 0, or IQM_EPROBLEM: not seen, seen but not to be changed, a link, or changed meanwhile. */
static int check_record(struct upload *upload, const PGresult *row, const PGresult *seen)
{
    struct iqm_call *call = upload->call;

    if (PQntuples(row) == 0) {
        call->denied = PQntuples(seen) > 0;
        return iqm_problem_set(&call->problem,
            call->denied ? IQM_PROBLEM_RECORD_FORBIDDEN : IQM_PROBLEM_NOT_FOUND, NULL);
    }
    if (!is_current(call, row))
        return iqm_problem_set(&call->problem, IQM_PROBLEM_PRECONDITION_FAILED, NULL);
    if (strcmp(PQgetvalue(row, 0, KIND), "file") != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
            "This evidence is a link. Make evidence of the kind file for a file.");
    upload->replaces = strcmp(PQgetvalue(row, 0, HAS_FILE), "t") == 0;
    return 0;
}

static void take_uploader(struct upload *upload, const PGresult *row)
{
    if (PQntuples(row) == 1 && PQgetisnull(row, 0, 0) == 0)
        snprintf(upload->person, sizeof upload->person, "%s", PQgetvalue(row, 0, 0));
}

/* The verdict comes before the error: who may not do this sees only that. */
static void record_held(struct iqm_pg_batch *batch)
{
    struct upload *upload = batch->user;
    struct iqm_call *call = upload->call;
    int error = 0;

    if (batch->result_count > IDENTITY)
        error = iqm_auth_verdict(call, batch->results[IDENTITY]);
    if (error == 0 && batch->error != 0)
        error = iqm_resource_failure(call, IQM_RESOURCE_EVIDENCE, batch, false);
    if (error == 0)
        error = check_record(upload, batch->results[HELD], batch->results[SEEN]);
    if (error != 0) {
        fail(upload);
        return;
    }
    take_uploader(upload, batch->results[UPLOADER]);
    upload->held(upload);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct upload *upload = borrower->user;

    upload->session = session;
    if (error != 0) {
        fail_with(upload, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    iqm_pg_batch_clear(&upload->batch);
    iqm_pg_batch_add(&upload->batch, "begin", "BEGIN", NULL, 0);
    if (iqm_auth_identify_change(upload->call, &upload->batch) != 0) {
        fail(upload);
        return;
    }
    upload->values[0].text = upload->call->path_values[0].ptr;
    add(upload, IQM_STATEMENT_HOLD_UPLOADER, 0);
    add(upload, IQM_STATEMENT_HOLD_EVIDENCE, 1);
    add(upload, IQM_STATEMENT_SEE_EVIDENCE, 1);
    run(upload, record_held);
}

/* Borrows a session and locks the record; then `held`, if the caller may change its file. */
static void hold(struct upload *upload, void (*held)(struct upload *upload))
{
    upload->held = held;
    upload->borrower.granted = granted;
    upload->borrower.user = upload;
    iqm_pg_borrow(upload->call->pg, &upload->borrower);
}

/* ---- into the database ---- */

static void finished(struct iqm_pg_batch *batch)
{
    struct upload *upload = batch->user;
    struct iqm_call *call = upload->call;

    give_back(upload);
    if (batch->error != 0) {
        iqm_resource_failure(call, IQM_RESOURCE_EVIDENCE, batch, false);
        fail(upload);
        return;
    }
    const PGresult *row = batch->results[0];
    if (PQntuples(row) != 1) {
        fail_with(upload, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    iqm_call_etag(call, PQgetvalue(row, 0, 1));
    iqm_call_reply(call, upload->replaces ? 200 : 201, "application/json", PQgetvalue(row, 0, 0),
        (size_t)PQgetlength(row, 0, 0));
}

static void finish(struct upload *upload)
{
    const struct iqm_statement *drop = IQM_STATEMENT_DROP_EVIDENCE_CHUNKS;

    iqm_pg_batch_clear(&upload->batch);
    upload->values[0] = (struct iqm_pg_value){.text = upload->file_id};
    upload->values[1] = (struct iqm_pg_value){.text = upload->document};
    upload->values[2] = (struct iqm_pg_value){.text = upload->call->path_values[0].ptr};
    add(upload, IQM_STATEMENT_PUT_EVIDENCE_FILE, 3);
    upload->old[0].text = upload->call->path_values[0].ptr;
    upload->old[1].text = upload->file_id;
    iqm_pg_batch_add(&upload->batch, drop->name, drop->sql, upload->old, 2);
    iqm_pg_batch_add(&upload->batch, "commit", "COMMIT", NULL, 0);
    run(upload, finished);
}

static void read_next(struct upload *upload);

static void chunk_added(struct iqm_pg_batch *batch)
{
    struct upload *upload = batch->user;

    if (batch->error != 0) {
        iqm_resource_failure(upload->call, IQM_RESOURCE_EVIDENCE, batch, false);
        fail(upload);
        return;
    }
    upload->written += (uint64_t)upload->chunk_length;
    if (upload->written < upload->bytes)
        read_next(upload);
    else
        finish(upload);
}

/* As it is stored. */
static struct iqm_pg_value chunk_value(const struct upload *upload)
{
    struct iqm_pg_value value = {
        .text = upload->chunk, .length = (int)upload->chunk_length, .binary = true};

    if (upload->sealed != NULL) {
        value.text = (const char *)upload->sealed;
        value.length += IQM_PIECE_EXTRA;
    }
    return value;
}

static void chunk_read(struct iqm_call *call)
{
    struct upload *upload = call->state;

    if (upload->chunk_length <= 0) {
        fail_with(
            upload, IQM_PROBLEM_SERVICE_UNAVAILABLE, "The file could not be kept. Send it again.");
        return;
    }
    snprintf(upload->n, sizeof upload->n, "%" PRIu64, upload->written / CHUNK_BYTES);
    iqm_pg_batch_clear(&upload->batch);
    upload->values[0] = (struct iqm_pg_value){.text = upload->file_id};
    upload->values[1] = (struct iqm_pg_value){.text = upload->n};
    upload->values[2] = (struct iqm_pg_value){.text = call->path_values[0].ptr};
    upload->values[3] = chunk_value(upload);
    upload->values[4] =
        (struct iqm_pg_value){.text = upload->sealed != NULL ? upload->person : NULL};
    add(upload, IQM_STATEMENT_ADD_EVIDENCE_CHUNK, 5);
    run(upload, chunk_added);
}

/* In a thread of the pool: the disk may take its time. */
static void load(struct iqm_call *call)
{
    struct upload *upload = call->state;

    upload->chunk_length = file_read(upload->file, upload->written, upload->chunk, CHUNK_BYTES);
    if (upload->sealed != NULL && upload->chunk_length > 0)
        iqm_piece_seal(upload->key.keys[0].bytes, upload->file_id, upload->written / CHUNK_BYTES,
            (struct iqm_slice){upload->chunk, (size_t)upload->chunk_length}, upload->sealed);
}

static void read_next(struct upload *upload)
{
    if (iqm_call_background(upload->call, load, chunk_read) != 0)
        fail_with(upload, IQM_PROBLEM_INTERNAL_ERROR, NULL);
}

/* Whose key is gone has no account any more: the next time they hear so. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct upload *upload = fetch->user;

    if (fetch->error != 0) {
        iqm_resource_sealed(upload->call, fetch->error);
        fail(upload);
    } else if (!fetch->keys[0].known) {
        fail_with(upload, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    } else {
        hold(upload, read_next);
    }
}

static void keep(struct upload *upload)
{
    struct iqm_call *call = upload->call;

    if (upload->person[0] == '\0') {
        hold(upload, read_next);
        return;
    }
    upload->sealed = iqm_arena_bytes(call->arena, CHUNK_BYTES + IQM_PIECE_EXTRA);
    if (upload->sealed == NULL) {
        fail_with(upload, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    upload->key = (struct iqm_vault_fetch){
        .people = &upload->person, .count = 1, .done = key_fetched, .user = upload};
    iqm_vault_fetch(call->vault, call->arena, &upload->key);
}

/* ---- the body ---- */

/* What a digest in the head says against what came. */
static int check_digest(struct upload *upload, const char *field)
{
    struct iqm_problem *problem = &upload->call->problem;
    uint8_t expected[SHA256_BYTES];

    if (digest_read(iqm_call_parameter(upload->call, field), expected) != 0 ||
        memcmp(expected, upload->hash, sizeof expected) == 0)
        return 0;
    iqm_problem_parameter(problem, field, "header", "is not the digest of what came");
    return iqm_problem_set(
        problem, IQM_PROBLEM_VALIDATION_FAILED, "The file was changed on its way. Send it again.");
}

static int check_type(struct upload *upload)
{
    struct iqm_problem *problem = &upload->call->problem;

    if (upload->verdict == FILE_GOOD)
        return 0;
    if (upload->verdict == FILE_UNREADABLE)
        return iqm_problem_set(problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    if (upload->verdict == FILE_NOT_UTF8)
        iqm_problem_parameter(
            problem, "Content-Type", "header", "says text, but the file is no text in UTF-8");
    else
        iqm_problem_parameter(problem, "Content-Type", "header",
            "says %s, but the file looks like %s", upload->media_type, upload->found);
    return iqm_problem_set(problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

static int describe(struct upload *upload)
{
    char hex[2 * SHA256_BYTES + 1];

    sodium_bin2hex(hex, sizeof hex, upload->hash, sizeof upload->hash);
    json_t *file = json_pack("{s:s, s:s, s:I, s:s}", "name", upload->name, "media_type",
        upload->media_type, "size", (json_int_t)upload->bytes, "sha256", hex);
    upload->document = file != NULL ? json_dumps(file, JSON_COMPACT) : NULL;
    json_decref(file);
    return upload->document != NULL
               ? 0
               : iqm_problem_set(&upload->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
}

static void checked(struct iqm_call *call)
{
    struct upload *upload = call->state;

    if (check_digest(upload, "Content-Digest") != 0 || check_digest(upload, "Repr-Digest") != 0 ||
        check_type(upload) != 0 || describe(upload) != 0)
        fail(upload);
    else
        keep(upload);
}

/* In a thread of the pool. */
static void check(struct iqm_call *call)
{
    struct upload *upload = call->state;

    upload->verdict =
        file_check(upload->sniffer, upload->file, upload->media_type, upload->chunk, upload->found);
}

static int disk_problem(struct upload *upload, int error)
{
    return iqm_problem_set(&upload->call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, "%s",
        error == ENOSPC || error == EDQUOT
            ? "There is no room to keep the file at present. Try again later."
            : "The file cannot be kept at present. Try again later.");
}

static void received(struct iqm_call *call)
{
    struct upload *upload = call->state;

    crypto_hash_sha256_final(&upload->hashing, upload->hash);
    if (upload->disk_error != 0) {
        disk_problem(upload, upload->disk_error);
        fail(upload);
        return;
    }
    if (upload->bytes == 0) {
        fail_with(upload, IQM_PROBLEM_MALFORMED_BODY, "The body is empty: it should be the file.");
        return;
    }
    upload->chunk = iqm_arena_bytes(call->arena, CHUNK_BYTES);
    if (upload->chunk == NULL || iqm_call_background(call, check, checked) != 0)
        fail_with(upload, IQM_PROBLEM_INTERNAL_ERROR, NULL);
}

static int write_whole(int file, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(file, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : EIO;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

/* After an error the rest is taken and thrown away: a client that is still sending would never read
 * an answer. The room is given back at once. */
static int sink(struct iqm_call *call, const char *bytes, size_t len)
{
    struct upload *upload = call->state;

    upload->bytes += len;
    if (upload->disk_error != 0)
        return 0;
    crypto_hash_sha256_update(&upload->hashing, (const unsigned char *)bytes, len);
    upload->disk_error = write_whole(upload->file, bytes, len);
    if (upload->disk_error != 0)
        iqm_close_fd(&upload->file);
    return 0;
}

/* A file that goes with its last descriptor. 0 or IQM_EPROBLEM. */
static int open_file(struct upload *upload)
{
    const struct iqm_services *services = upload->call->services;
    IQM_CLEANUP(iqm_close_fd) int directory = iqm_spool_open(services->config->spool_dir);
    char name[IQM_SPOOL_NAME];

    if (directory < 0)
        return disk_problem(upload, errno);
    iqm_spool_name(upload->file_id, IQM_SPOOL_PART, name);
    upload->file =
        openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (upload->file < 0)
        return disk_problem(upload, errno);
    iqm_spool_remove(directory, upload->file_id);
    return 0;
}

/* The body is let in only for a caller who may send it. */
static void let_in(struct upload *upload)
{
    give_back(upload);
    if (open_file(upload) != 0) {
        fail(upload);
        return;
    }
    crypto_hash_sha256_init(&upload->hashing);
    upload->call->sink = sink;
    upload->call->received = received;
    iqm_call_receive(upload->call);
}

/* ---- the head ---- */

static int read_name(struct upload *upload)
{
    struct iqm_call *call = upload->call;
    int error =
        file_name_read(call->arena, iqm_call_parameter(call, "Content-Disposition"), &upload->name);

    if (error == 0)
        return 0;
    if (error == IQM_ELIMIT)
        iqm_problem_parameter(&call->problem, "Content-Disposition", "header",
            "gives a name of more than %d bytes", FILE_NAME_MAX);
    else
        iqm_problem_parameter(&call->problem, "Content-Disposition", "header",
            "must be attachment with a file name, as RFC 6266 says");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int check_digest_form(struct upload *upload, const char *field)
{
    struct iqm_call *call = upload->call;
    uint8_t bytes[SHA256_BYTES];

    if (digest_read(iqm_call_parameter(call, field), bytes) != IQM_EINVAL)
        return 0;
    iqm_problem_parameter(
        &call->problem, field, "header", "has a sha-256 that is not of the form of RFC 9530");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

/* The contract has let only types of its list in: the one, in its own letters. */
static int read_type(struct upload *upload)
{
    struct iqm_call *call = upload->call;
    const char *type = call->operation->body_media_types;

    while (type != NULL) {
        size_t length = strcspn(type, ",");
        if (call->content_type.len >= length &&
            strncasecmp(type, call->content_type.ptr, length) == 0 &&
            (call->content_type.len == length ||
                strchr("; \t", call->content_type.ptr[length]) != NULL)) {
            upload->media_type = iqm_arena_copy(call->arena, type, length);
            break;
        }
        type = type[length] == ',' ? type + length + 2 : NULL;
    }
    return upload->media_type != NULL
               ? 0
               : iqm_problem_set(&call->problem, IQM_PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL);
}

static int read_head(struct upload *upload)
{
    struct iqm_call *call = upload->call;

    if (call->if_match.ptr == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_PRECONDITION_REQUIRED, NULL);
    int error = read_name(upload);
    if (error == 0)
        error = check_digest_form(upload, "Content-Digest");
    if (error == 0)
        error = check_digest_form(upload, "Repr-Digest");
    return error == 0 ? read_type(upload) : error;
}

void iqm_op_put_evidence_file(struct iqm_call *call)
{
    const struct iqm_services *services = call->services;
    struct upload *upload = iqm_arena_alloc(call->arena, sizeof *upload);

    if (upload == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    upload->call = call;
    upload->sniffer = services->sniffer;
    upload->file = -1;
    iqm_uuid7(upload->file_id);
    call->state = upload;
    call->release = release;
    if (read_head(upload) != 0)
        iqm_auth_refuse(call);
    else
        hold(upload, let_in);
}
