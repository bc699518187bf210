/* The file itself, whole or a part of it; its pieces are opened one by one. */
#include "contract_tables.h"
#include "iqm/downloads.h"
#include "programme/stored_file.h"

#include <stdlib.h>
#include <string.h>

#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

enum column { OUTCOME, FORMAT, SIZE, SHA256, MADE_ON, COLUMNS };

struct sending {
    struct stored_file file;
    const char *texts[COLUMNS];
    char id[IQM_UUID_TEXT];
    struct iqm_vault_fetch fetch;
    uint8_t *piece; /* room for one that is opened */
};

static bool open_piece(struct stored_file *file, uint64_t number, struct iqm_slice *piece)
{
    struct sending *sending = file->user;

    if (piece->len <= IQM_PIECE_EXTRA || piece->len > IQM_PIECE_EXTRA + IQM_DOWNLOAD_PIECE ||
        iqm_piece_open(sending->fetch.keys[0].bytes, sending->id, number, *piece, sending->piece) !=
            0)
        return false;
    *piece = (struct iqm_slice){(const char *)sending->piece, piece->len - IQM_PIECE_EXTRA};
    return true;
}

/* By itself, not as the version of a document: those may be kept, and this may not. */
static void tell_tag(struct iqm_call *call, const char *sha256)
{
    iqm_call_header(call, "ETag", iqm_arena_printf(call->arena, "\"%s\"", sha256));
}

static bool is_csv(const struct sending *sending)
{
    return strcmp(sending->texts[FORMAT], "csv") == 0;
}

static void add_headers(struct stored_file *file)
{
    struct iqm_call *call = file->step->call;
    const struct sending *sending = file->user;

    tell_tag(call, file->sha256);
    iqm_call_header(call, "Content-Disposition",
        iqm_arena_printf(call->arena, "attachment; filename=\"programme-%s.%s\"",
            sending->texts[MADE_ON], is_csv(sending) ? "zip" : "xlsx"));
}

static void answer(struct sending *sending)
{
    sending->file.id = sending->id;
    sending->file.sha256 = sending->texts[SHA256];
    sending->file.media_type = is_csv(sending) ? "application/zip" : XLSX;
    stored_file_send(&sending->file);
}

/* Without a key there is no file, whatever its record says for a few seconds more. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct sending *sending = fetch->user;

    if (fetch->error != 0)
        step_fail(sending->file.step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    else if (!fetch->keys[0].known)
        step_fail(sending->file.step, IQM_PROBLEM_DOWNLOAD_GONE, NULL);
    else
        answer(sending);
}

static void fetch_key(struct sending *sending)
{
    struct iqm_call *call = sending->file.step->call;

    sending->piece = iqm_arena_bytes(call->arena, IQM_DOWNLOAD_PIECE);
    if (sending->piece == NULL) {
        step_fail(sending->file.step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
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
        sending->texts[i] =
            iqm_arena_string(sending->file.step->call->arena, PQgetvalue(rows, 0, i));
        if (sending->texts[i] == NULL)
            return false;
    }
    sending->file.size = strtoull(sending->texts[SIZE], NULL, 10);
    return sending->file.size > 0;
}

static void found(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    struct sending *sending = step->user;

    if (step_says(rows, "unknown")) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
    } else if (step_says(rows, "other")) {
        step_fail(step, IQM_PROBLEM_FORBIDDEN,
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
        tell_tag(call, sending->texts[SHA256]);
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
    sending->file = (struct stored_file){.step = step,
        .chunk = IQM_STATEMENT_GET_PROGRAMME_DOWNLOAD_CHUNK,
        .chunk_bytes = IQM_DOWNLOAD_PIECE,
        .open = open_piece,
        .add_headers = add_headers,
        .user = sending};
    step->user = sending;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, found);
}
