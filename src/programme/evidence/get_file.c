/* The file of evidence, whole or a part of it; what a person has uploaded is opened chunk by chunk.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "iqm/sniffer.h"
#include "programme/evidence/file_head.h"
#include "programme/stored_file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES IQM_SNIFF_BYTES /* as the table evidence_chunk says */

/* UPLOADER: under whose key it is sealed; empty: it is not. */
enum column { FILE_ID, NAME, MEDIA_TYPE, SIZE, SHA256, UPLOADER, COLUMNS };

struct download {
    struct stored_file file;
    const char *texts[COLUMNS];
    struct iqm_vault_fetch key;
    uint8_t *chunk; /* room for one that is opened */
};

static bool open_chunk(struct stored_file *file, uint64_t number, struct iqm_slice *chunk)
{
    struct download *download = file->user;

    if (chunk->len <= IQM_PIECE_EXTRA || chunk->len > IQM_PIECE_EXTRA + CHUNK_BYTES ||
        iqm_piece_open(download->key.keys[0].bytes, file->id, number, *chunk, download->chunk) != 0)
        return false;
    *chunk = (struct iqm_slice){(const char *)download->chunk, chunk->len - IQM_PIECE_EXTRA};
    return true;
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

static void add_headers(struct stored_file *file)
{
    struct iqm_call *call = file->step->call;
    const struct download *download = file->user;

    iqm_call_etag(call, file->sha256);
    iqm_call_header(
        call, "Content-Disposition", file_name_write(call->arena, download->texts[NAME]));
    iqm_call_header(call, "Content-Security-Policy", "sandbox");
    iqm_call_header(call, "Repr-Digest", digest(call->arena, file->sha256));
}

static void answer(struct download *download)
{
    const char *type = download->texts[MEDIA_TYPE];

    download->file.id = download->texts[FILE_ID];
    download->file.sha256 = download->texts[SHA256];
    download->file.media_type =
        strcmp(type, "text/plain") == 0 ? "text/plain; charset=utf-8" : type;
    stored_file_send(&download->file);
}

/* Without the key there is no file: it is being erased. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct download *download = fetch->user;
    struct step *step = download->file.step;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
    } else if (!fetch->keys[0].known) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
    } else {
        answer(download);
    }
}

static void open_and_answer(struct download *download)
{
    struct iqm_call *call = download->file.step->call;

    if (download->texts[UPLOADER][0] == '\0') {
        answer(download);
        return;
    }
    download->chunk = iqm_arena_bytes(call->arena, CHUNK_BYTES);
    if (download->chunk == NULL) {
        step_fail(download->file.step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    download->file.open = open_chunk;
    download->key =
        (struct iqm_vault_fetch){.people = (const char(*)[IQM_UUID_TEXT])download->texts[UPLOADER],
            .count = 1,
            .done = key_fetched,
            .user = download};
    iqm_vault_fetch(call->vault, call->arena, &download->key);
}

/* The texts in the arena: the rows go when the first chunk is asked for. */
static bool take_row(struct download *download, const PGresult *rows)
{
    for (int i = 0; i < COLUMNS; i++) {
        download->texts[i] =
            iqm_arena_string(download->file.step->call->arena, PQgetvalue(rows, 0, i));
        if (download->texts[i] == NULL)
            return false;
    }
    download->file.size = strtoull(download->texts[SIZE], NULL, 10);
    return download->file.size > 0;
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
        open_and_answer(download);
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
    download->file = (struct stored_file){.step = step,
        .chunk = IQM_STATEMENT_GET_EVIDENCE_CHUNK,
        .chunk_bytes = CHUNK_BYTES,
        .add_headers = add_headers,
        .user = download};
    step->user = download;
    step->values[0].text = call->path_values[0].ptr;
    step_read(step, call->operation->statement, found);
}
