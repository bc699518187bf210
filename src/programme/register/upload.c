/*
 * An upload of the register: kept on the disk, then entered as an import that waits. It is
 * acknowledged only when both are durable. Must not look into the file: the importer does.
 *   identify → body into <id>.part → sync and rename → identify, insert → 202
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/idempotency.h"
#include "iqm/importer.h"
#include "iqm/services.h"
#include "programme/register/spool.h"
#include "programme/register/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct upload {
    struct iqm_call *call;
    char id[IQM_UUID_TEXT];
    int directory, file; /* negative when not open */
    uint64_t bytes;
    int disk_error; /* errno; the first one counts */
    bool entered;   /* the importer looks after the file from now on */
    char *document;
    struct iqm_pg_value values[2];
    struct iqm_pg_batch batch;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_session *session;
};

static void release(struct iqm_call *call)
{
    struct upload *upload = call->state;

    iqm_pg_batch_clear(&upload->batch);
    if (upload->file >= 0 && !upload->entered)
        iqm_spool_remove(upload->directory, upload->id);
    iqm_close_fd(&upload->file);
    iqm_close_fd(&upload->directory);
    free(upload->document);
}

static int busy(struct iqm_call *call, const char *sentence)
{
    return iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, "%s", sentence);
}

static int disk_problem(struct iqm_call *call, int error)
{
    if (error == ENOSPC || error == EDQUOT)
        return busy(call, "There is no room to keep the file at present. Try again later.");
    return busy(call, "The file cannot be kept at present. Try again later.");
}

static const char *location_of(const struct upload *upload)
{
    return iqm_arena_printf(upload->call->arena, "/v1/imports/register/%s", upload->id);
}

static void answer(struct upload *upload)
{
    struct iqm_call *call = upload->call;
    const struct iqm_services *services = call->services;

    iqm_importer_wake(services->importer);
    iqm_call_header(call, "Location", location_of(upload));
    iqm_call_reply(call, 202, "application/json", upload->document, strlen(upload->document));
}

/* The verdict comes before the error: who may not do this sees only that. */
static void inserted(struct iqm_pg_batch *batch)
{
    struct upload *upload = batch->user;
    struct iqm_call *call = upload->call;
    int error = 0;

    iqm_pg_release(upload->session);
    /* When the connection went the row may be there all the same: the importer will find out. */
    upload->entered = batch->error == 0 || batch->error == IQM_EPGLOST;
    if (batch->result_count > 0)
        error = iqm_auth_verdict(call, batch->results[0]);
    if (error == 0)
        error = iqm_idempotency_refusal(call, batch);
    if (error == 0 && batch->error != 0)
        error = busy(call, "The import could not be entered. Send the file again.");
    if (error != 0)
        iqm_auth_fail(call);
    else
        answer(upload);
}

static void insert(struct upload *upload)
{
    iqm_pg_batch_clear(&upload->batch);
    if (iqm_auth_identify_change(upload->call, &upload->batch) != 0) {
        iqm_pg_release(upload->session);
        iqm_call_fail(upload->call);
        return;
    }
    upload->values[0].text = upload->id;
    upload->values[1].text = upload->document;
    iqm_pg_batch_add(&upload->batch, upload->call->operation->statement->name,
        upload->call->operation->statement->sql, upload->values, 2);
    iqm_idempotency_keep(upload->call, &upload->batch,
        &(struct iqm_answer){
            .status = 202, .location = location_of(upload), .body = upload->document});
    upload->batch.done = inserted;
    iqm_pg_run(upload->session, &upload->batch);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct upload *upload = borrower->user;

    upload->session = session;
    if (error != 0)
        iqm_call_fail_with(upload->call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else
        insert(upload);
}

/* In a thread of the pool: the disk may take its time. */
static void keep(struct iqm_call *call)
{
    struct upload *upload = call->state;

    if (iqm_spool_keep(upload->directory, upload->file, upload->id) != 0)
        upload->disk_error = errno;
}

static void kept(struct iqm_call *call)
{
    struct upload *upload = call->state;
    struct iqm_slice dry_run = iqm_call_parameter(call, "dry_run");

    if (upload->disk_error != 0) {
        disk_problem(call, upload->disk_error);
        iqm_call_fail(call);
        return;
    }
    upload->document =
        iqm_import_status_new(upload->id, iqm_slice_equal_string(dry_run, "true"), upload->bytes);
    if (upload->document == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    upload->borrower.granted = granted;
    upload->borrower.user = upload;
    iqm_pg_borrow(call->pg, &upload->borrower);
}

static void received(struct iqm_call *call)
{
    struct upload *upload = call->state;

    if (upload->disk_error != 0) {
        disk_problem(call, upload->disk_error);
        iqm_call_fail(call);
    } else if (upload->bytes == 0) {
        iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "The body is empty: it should be the register's file.");
        iqm_call_fail(call);
    } else if (iqm_call_background(call, keep, kept) != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    }
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
    upload->disk_error = write_whole(upload->file, bytes, len);
    if (upload->disk_error != 0) {
        iqm_spool_remove(upload->directory, upload->id);
        iqm_close_fd(&upload->file);
    }
    return 0;
}

/* 0, or IQM_EPROBLEM with the call's problem set. */
static int open_file(struct upload *upload)
{
    const struct iqm_services *services = upload->call->services;
    char name[IQM_SPOOL_NAME];

    upload->directory = iqm_spool_open(services->config->spool_dir);
    if (upload->directory < 0)
        return disk_problem(upload->call, errno);
    iqm_spool_name(upload->id, IQM_SPOOL_PART, name);
    upload->file =
        openat(upload->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return upload->file >= 0 ? 0 : disk_problem(upload->call, errno);
}

/* The body is let in only for a caller who may send it. */
static void identified(struct iqm_pg_batch *batch)
{
    struct upload *upload = batch->user;
    struct iqm_call *call = upload->call;

    if (batch->error != 0)
        busy(call, "The database is away. Try again after the time in Retry-After.");
    else if (iqm_auth_verdict(call, batch->results[0]) == 0)
        open_file(upload);
    if (call->problem.type != NULL) {
        iqm_auth_fail(call);
        return;
    }
    call->sink = sink;
    call->received = received;
    iqm_call_receive(call);
}

void iqm_op_create_register_import(struct iqm_call *call)
{
    const struct iqm_services *services = call->services;
    struct upload *upload = iqm_arena_alloc(call->arena, sizeof *upload);

    if (upload == NULL || services->importer == NULL) {
        iqm_call_fail_with(
            call, upload == NULL ? IQM_PROBLEM_INTERNAL_ERROR : IQM_PROBLEM_SERVICE_UNAVAILABLE);
        return;
    }
    upload->call = call;
    upload->directory = upload->file = -1;
    iqm_uuid7(upload->id);
    call->state = upload;
    call->release = release;
    if (iqm_auth_identify(call, &upload->batch) != 0) {
        iqm_call_fail(call);
        return;
    }
    upload->batch.done = identified;
    upload->batch.user = upload;
    iqm_pg_read(call->pg, &upload->batch);
}
