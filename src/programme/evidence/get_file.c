/*
 * The file of evidence, whole or a part of it: chunk after chunk as the client takes them, each
 * read as the caller, who may have lost the right to it meanwhile. A file that is replaced while
 * it is sent breaks off; its entity tag keeps a client from going on with the other.
 */
#include "contract_tables.h"
#include "iqm/sniffer.h"
#include "programme/evidence/file_head.h"
#include "programme/step.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES IQM_SNIFF_BYTES /* as the table evidence_chunk says */

enum column { FILE_ID, NAME, MEDIA_TYPE, SIZE, SHA256, COLUMNS };

struct download {
    struct step *step;
    const char *texts[COLUMNS];
    uint64_t size, next, end; /* the bytes that are still to be sent */
    char n[24];
};

/* Whole, but for what stands before the part that is asked for and behind it. */
static bool take_chunk(struct download *download, const PGresult *rows)
{
    size_t skip = (size_t)(download->next % CHUNK_BYTES);

    if (PQntuples(rows) != 1 || (size_t)PQgetlength(rows, 0, 0) <= skip)
        return false;
    size_t length = (size_t)PQgetlength(rows, 0, 0) - skip;
    if (length > download->end - download->next)
        length = (size_t)(download->end - download->next);
    download->next += length;
    iqm_call_piece(download->step->call, PQgetvalue(rows, 0, 0) + skip, length);
    return true;
}

static void chunk_read(struct iqm_pg_batch *batch)
{
    struct step *step = batch->user;

    if (batch->error != 0 || iqm_auth_verdict(step->call, batch->results[0]) != 0 ||
        !take_chunk(step->user, batch->results[1]))
        iqm_call_break(step->call);
}

static void more(struct iqm_call *call)
{
    struct step *step = call->state;
    struct download *download = step->user;
    const struct iqm_statement *statement = IQM_STATEMENT_GET_EVIDENCE_CHUNK;

    iqm_pg_batch_clear(&step->batch);
    if (iqm_auth_identify(call, &step->batch) != 0) {
        iqm_call_break(call);
        return;
    }
    snprintf(download->n, sizeof download->n, "%" PRIu64, download->next / CHUNK_BYTES);
    step->values[0].text = download->texts[FILE_ID];
    step->values[1].text = download->n;
    iqm_pg_batch_add(&step->batch, statement->name, statement->sql, step->values, 2);
    step->batch.queries[step->batch.query_count - 1].binary = true;
    step->batch.done = chunk_read;
    step->batch.user = step;
    iqm_pg_read(call->pg, &step->batch);
}

/* RFC 9530: the digest of the whole file, whatever part is sent. */
static const char *digest(struct iqm_arena *arena, const char *hex)
{
    uint8_t bytes[SHA256_BYTES];
    char text[sodium_base64_ENCODED_LEN(SHA256_BYTES, sodium_base64_VARIANT_ORIGINAL)];

    if (sodium_hex2bin(bytes, sizeof bytes, hex, strlen(hex), NULL, NULL, NULL) != 0)
        return NULL;
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
    return iqm_arena_printf(arena, "sha-256=:%s:", text);
}

static void add_headers(struct iqm_call *call, const struct download *download)
{
    iqm_call_etag(call, download->texts[SHA256]);
    iqm_call_header(call, "Accept-Ranges", "bytes");
    iqm_call_header(
        call, "Content-Disposition", file_name_write(call->arena, download->texts[NAME]));
    iqm_call_header(call, "Content-Security-Policy", "sandbox");
    iqm_call_header(call, "Repr-Digest", digest(call->arena, download->texts[SHA256]));
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

static void answer(struct iqm_call *call, struct download *download)
{
    struct iqm_slice range = iqm_call_parameter(call, "Range");
    enum range_kind kind = RANGE_NONE;
    uint64_t first = 0;
    uint64_t last = download->size - 1;
    const char *type = download->texts[MEDIA_TYPE];

    if (range_counts(call, download->texts[SHA256]))
        kind = range_read(range, download->size, &first, &last);
    if (kind == RANGE_UNSATISFIABLE) {
        iqm_call_header(call, "Content-Range",
            iqm_arena_printf(call->arena, "bytes */%" PRIu64, download->size));
        iqm_call_fail_with(call, IQM_PROBLEM_RANGE_NOT_SATISFIABLE);
        return;
    }
    add_headers(call, download);
    if (kind == RANGE_PART)
        iqm_call_header(call, "Content-Range",
            iqm_arena_printf(call->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last,
                download->size));
    download->next = first;
    download->end = last + 1;
    if (strcmp(type, "text/plain") == 0)
        type = "text/plain; charset=utf-8";
    iqm_call_stream(call, kind == RANGE_PART ? 206 : 200, type, download->end - first, more);
}

/* The texts in the arena: the rows go when the first chunk is asked for. */
static bool take_row(struct download *download, const PGresult *rows)
{
    for (int i = 0; i < COLUMNS; i++) {
        download->texts[i] = iqm_arena_string(download->step->call->arena, PQgetvalue(rows, 0, i));
        if (download->texts[i] == NULL)
            return false;
    }
    download->size = strtoull(download->texts[SIZE], NULL, 10);
    return download->size > 0;
}

static void found(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    struct download *download = step->user;

    if (PQntuples(rows) == 0) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
    } else if (PQgetisnull(rows, 0, FILE_ID) == 1) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, "This evidence has no file.");
    } else if (!take_row(download, rows)) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    } else if (call->if_none_match.ptr != NULL &&
               iqm_etag_matches(call->if_none_match, download->texts[SHA256], true)) {
        iqm_call_etag(call, download->texts[SHA256]);
        iqm_call_reply(call, 304, NULL, "", 0);
    } else {
        answer(call, download);
    }
}

void iqm_op_get_evidence_file(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct download *download = iqm_arena_alloc(call->arena, sizeof *download);

    if (step == NULL)
        return;
    if (download == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    download->step = step;
    step->user = download;
    step->values[0].text = call->path_values[0].ptr;
    step_read(step, call->operation->statement, found);
}
