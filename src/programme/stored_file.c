#include "programme/stored_file.h"

#include "contract_tables.h"
#include "programme/evidence/file_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Whole, but for what stands before the part that is asked for and behind it. */
static bool take_chunk(struct stored_file *file, const PGresult *rows)
{
    size_t skip = (size_t)(file->next % file->chunk_bytes);

    if (PQntuples(rows) != 1)
        return false;
    struct iqm_slice chunk = iqm_pg_slice(rows, 0, 0);
    if (file->open != NULL && !file->open(file, file->next / file->chunk_bytes, &chunk))
        return false;
    if (chunk.len <= skip)
        return false;
    size_t length = chunk.len - skip;
    if (length > file->end - file->next)
        length = (size_t)(file->end - file->next);
    file->next += length;
    iqm_call_piece(file->step->call, chunk.ptr + skip, length);
    return true;
}

static void chunk_read(struct iqm_pg_batch *batch)
{
    struct stored_file *file = batch->user;

    if (batch->error != 0 || iqm_auth_verdict(file->step->call, batch->results[0]) != 0 ||
        !take_chunk(file, batch->results[1]))
        iqm_call_break(file->step->call);
}

static void more(struct iqm_call *call)
{
    struct step *step = call->state;
    struct stored_file *file = step->user;

    iqm_pg_batch_clear(&step->batch);
    if (iqm_auth_identify(call, &step->batch) != 0) {
        iqm_call_break(call);
        return;
    }
    snprintf(file->number, sizeof file->number, "%" PRIu64, file->next / file->chunk_bytes);
    step->values[0].text = file->id;
    step->values[1].text = file->number;
    iqm_pg_batch_add(&step->batch, file->chunk->name, file->chunk->sql, step->values, 2);
    step->batch.queries[step->batch.query_count - 1].binary = true;
    step->batch.done = chunk_read;
    step->batch.user = file;
    iqm_pg_read(call->pg, &step->batch);
}

/* If-Range takes this very file's tag; a date never fits, because files have none. */
static bool range_counts(struct iqm_call *call, const char *sha256)
{
    struct iqm_slice condition = iqm_call_parameter(call, "If-Range");

    return condition.ptr == NULL ||
           (condition.len == strlen(sha256) + 2 && condition.ptr[0] == '"' &&
               condition.ptr[condition.len - 1] == '"' &&
               memcmp(condition.ptr + 1, sha256, strlen(sha256)) == 0);
}

void stored_file_send(struct stored_file *file)
{
    struct iqm_call *call = file->step->call;
    enum range_kind kind = RANGE_NONE;
    uint64_t first = 0, last = file->size - 1;

    if (range_counts(call, file->sha256))
        kind = range_read(iqm_call_parameter(call, "Range"), file->size, &first, &last);
    if (kind == RANGE_UNSATISFIABLE) {
        iqm_call_header(
            call, "Content-Range", iqm_arena_printf(call->arena, "bytes */%" PRIu64, file->size));
        iqm_call_fail_with(call, IQM_PROBLEM_RANGE_NOT_SATISFIABLE);
        return;
    }
    file->add_headers(file);
    iqm_call_header(call, "Accept-Ranges", "bytes");
    if (kind == RANGE_PART)
        iqm_call_header(call, "Content-Range",
            iqm_arena_printf(
                call->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, file->size));
    file->next = first;
    file->end = last + 1;
    file->step->user = file;
    iqm_call_stream(
        call, kind == RANGE_PART ? 206 : 200, file->media_type, file->end - first, more);
}
