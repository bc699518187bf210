/*
 * The file itself, whole or a part of it: piece after piece as the client takes them, each opened
 * for itself. What goes meanwhile breaks off; its entity tag keeps a client from going on with
 * another.
 */
#include "contract_tables.h"
#include "iqm/downloads.h"
#include "programme/evidence/file_head.h"
#include "programme/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

enum column { OUTCOME, FORMAT, SIZE, SHA256, MADE_ON, COLUMNS };

struct sending {
    struct step *step;
    const char *texts[COLUMNS];
    uint64_t size, next, end; /* the bytes that are still to be sent */
    char number[24];
    char id[IQM_UUID_TEXT];
    struct iqm_vault_fetch fetch;
    uint8_t *piece; /* room for one that is opened */
};

static bool take_piece(struct sending *sending, const PGresult *rows)
{
    size_t skip = (size_t)(sending->next % IQM_DOWNLOAD_PIECE), length;
    struct iqm_slice sealed;

    if (PQntuples(rows) != 1)
        return false;
    sealed = (struct iqm_slice){PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0)};
    if (sealed.len <= IQM_PIECE_EXTRA + skip || sealed.len > IQM_PIECE_EXTRA + IQM_DOWNLOAD_PIECE ||
        iqm_piece_open(sending->fetch.keys[0].bytes, sending->id,
            sending->next / IQM_DOWNLOAD_PIECE, sealed, sending->piece) != 0)
        return false;
    length = sealed.len - IQM_PIECE_EXTRA - skip;
    if (length > sending->end - sending->next)
        length = (size_t)(sending->end - sending->next);
    sending->next += length;
    iqm_call_piece(sending->step->call, (const char *)sending->piece + skip, length);
    return true;
}

static void piece_read(struct iqm_pg_batch *batch)
{
    struct step *step = batch->user;

    if (batch->error != 0 || iqm_auth_verdict(step->call, batch->results[0]) != 0 ||
        !take_piece(step->user, batch->results[1]))
        iqm_call_break(step->call);
}

static void more(struct iqm_call *call)
{
    struct step *step = call->state;
    struct sending *sending = step->user;
    const struct iqm_statement *statement = IQM_STATEMENT_GET_PROGRAMME_DOWNLOAD_CHUNK;

    iqm_pg_batch_clear(&step->batch);
    if (iqm_auth_identify(call, &step->batch) != 0) {
        iqm_call_break(call);
        return;
    }
    snprintf(
        sending->number, sizeof sending->number, "%" PRIu64, sending->next / IQM_DOWNLOAD_PIECE);
    step->values[0].text = sending->id;
    step->values[1].text = sending->number;
    iqm_pg_batch_add(&step->batch, statement->name, statement->sql, step->values, 2);
    step->batch.queries[step->batch.query_count - 1].binary = true;
    step->batch.done = piece_read;
    step->batch.user = step;
    iqm_pg_read(call->pg, &step->batch);
}

/* If-Range takes this very file's tag; a date never fits. */
static bool range_counts(struct iqm_call *call, const char *sha256)
{
    struct iqm_slice condition = iqm_call_parameter(call, "If-Range");

    return condition.ptr == NULL ||
           (condition.len == strlen(sha256) + 2 && condition.ptr[0] == '"' &&
               condition.ptr[condition.len - 1] == '"' &&
               memcmp(condition.ptr + 1, sha256, strlen(sha256)) == 0);
}

/* By itself, not as the version of a document: those may be kept, and this may not. */
static void tell_tag(struct iqm_call *call, const struct sending *sending)
{
    iqm_call_header(call, "ETag", iqm_arena_printf(call->arena, "\"%s\"", sending->texts[SHA256]));
}

static void answer(struct iqm_call *call, struct sending *sending)
{
    bool is_csv = strcmp(sending->texts[FORMAT], "csv") == 0;
    enum range_kind kind = RANGE_NONE;
    uint64_t first = 0, last = sending->size - 1;

    if (range_counts(call, sending->texts[SHA256]))
        kind = range_read(iqm_call_parameter(call, "Range"), sending->size, &first, &last);
    if (kind == RANGE_UNSATISFIABLE) {
        iqm_call_header(call, "Content-Range",
            iqm_arena_printf(call->arena, "bytes */%" PRIu64, sending->size));
        iqm_call_fail_with(call, IQM_PROBLEM_RANGE_NOT_SATISFIABLE);
        return;
    }
    tell_tag(call, sending);
    iqm_call_header(call, "Accept-Ranges", "bytes");
    iqm_call_header(call, "Content-Disposition",
        iqm_arena_printf(call->arena, "attachment; filename=\"programme-%s.%s\"",
            sending->texts[MADE_ON], is_csv ? "zip" : "xlsx"));
    if (kind == RANGE_PART)
        iqm_call_header(call, "Content-Range",
            iqm_arena_printf(
                call->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, sending->size));
    sending->next = first;
    sending->end = last + 1;
    iqm_call_stream(call, kind == RANGE_PART ? 206 : 200, is_csv ? "application/zip" : XLSX,
        sending->end - first, more);
}

/* Without a key there is no file, whatever its record says for a few seconds more. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct sending *sending = fetch->user;
    struct iqm_call *call = sending->step->call;

    if (fetch->error != 0)
        step_fail(sending->step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    else if (!fetch->keys[0].known)
        step_fail(sending->step, IQM_PROBLEM_DOWNLOAD_GONE, NULL);
    else
        answer(call, sending);
}

static void fetch_key(struct sending *sending)
{
    struct iqm_call *call = sending->step->call;

    sending->piece = iqm_arena_bytes(call->arena, IQM_DOWNLOAD_PIECE);
    if (sending->piece == NULL) {
        step_fail(sending->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    memcpy(sending->id, call->path_values[0].ptr, sizeof sending->id);
    sending->fetch = (struct iqm_vault_fetch){.people = (const char(*)[IQM_UUID_TEXT])sending->id,
        .count = 1,
        .of_files = true,
        .done = key_fetched,
        .user = sending};
    iqm_vault_fetch(call->vault, call->arena, &sending->fetch);
}

/* The texts in the arena: the rows go when the first piece is asked for. */
static bool take_row(struct sending *sending, const PGresult *rows)
{
    for (int i = 0; i < COLUMNS; i++) {
        sending->texts[i] = iqm_arena_string(sending->step->call->arena, PQgetvalue(rows, 0, i));
        if (sending->texts[i] == NULL)
            return false;
    }
    sending->size = strtoull(sending->texts[SIZE], NULL, 10);
    return sending->size > 0;
}

static void found(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    struct sending *sending = step->user;

    if (step_says(rows, "unknown")) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
    } else if (step_says(rows, "other")) {
        step_fail(step, IQM_PROBLEM_RECORD_FORBIDDEN,
            "The file is for whoever asked for it, through the same program. Ask for one of your "
            "own.");
    } else if (step_says(rows, "unready")) {
        step_fail(step, IQM_PROBLEM_CONFLICT, "The file is not ready yet: follow its status.");
    } else if (!step_says(rows, "ready")) {
        step_fail(step, IQM_PROBLEM_DOWNLOAD_GONE, NULL);
    } else if (!take_row(sending, rows)) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    } else if (call->if_none_match.ptr != NULL &&
               iqm_etag_matches(call->if_none_match, sending->texts[SHA256], true)) {
        tell_tag(call, sending);
        iqm_call_reply(call, 304, NULL, "", 0);
    } else {
        fetch_key(sending);
    }
}

void iqm_op_get_programme_download_file(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct sending *sending = iqm_arena_alloc(call->arena, sizeof *sending);

    if (step == NULL)
        return;
    if (sending == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    sending->step = step;
    step->user = sending;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, found);
}
