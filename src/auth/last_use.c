/*
 * When a token was last used. Gathered per worker and written in one statement every ten seconds:
 * a write for each request would cost more than the request.
 */
#include "last_use.h"

#include "iqm/auth.h"
#include "iqm/ids.h"
#include "iqm/recipients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 256
#define WRITE_EVERY_MS 10000

static _Thread_local struct {
    char ids[SEEN_MAX][IQM_UUID_TEXT];
    unsigned count;
    uint64_t next_write;
} seen;

struct note {
    struct iqm_pg_borrower borrower;
    struct iqm_pg_batch batch;
    struct iqm_pg_session *session;
    struct iqm_pg_value value;
    char ids[SEEN_MAX * IQM_UUID_TEXT + 3];
};

void last_use_note(const char *token_id)
{
    for (unsigned i = 0; i < seen.count; i++) {
        if (strcmp(seen.ids[i], token_id) == 0)
            return;
    }
    if (seen.count < SEEN_MAX)
        snprintf(seen.ids[seen.count++], IQM_UUID_TEXT, "%s", token_id);
}

static void note_done(struct iqm_pg_batch *batch)
{
    struct note *note = batch->user;

    iqm_pg_release(note->session);
    iqm_pg_batch_clear(batch);
    free(note);
}

static void note_granted(
    struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct note *note = borrower->user;

    if (error != 0) { /* the next round notes what is used then */
        free(note);
        return;
    }
    note->session = session;
    iqm_pg_batch_add(
        &note->batch, "note_token_use", "SELECT note_token_use($1::uuid[])", &note->value, 1);
    iqm_pg_run(session, &note->batch);
}

static void write_ids(char *out)
{
    *out++ = '{';
    for (unsigned i = 0; i < seen.count; i++) {
        memcpy(out, seen.ids[i], IQM_UUID_TEXT - 1);
        out += IQM_UUID_TEXT - 1;
        *out++ = i + 1 < seen.count ? ',' : '}';
    }
    *out = '\0';
}

void iqm_auth_upkeep(struct iqm_pg *pg, void *services)
{
    uint64_t now = iqm_clock_ms();

    (void)services;
    iqm_recipients_upkeep(pg);
    if (seen.count == 0 || now < seen.next_write || !iqm_pg_is_up(pg))
        return;
    struct note *note = calloc(1, sizeof *note);
    if (note == NULL)
        return;
    write_ids(note->ids);
    note->value.text = note->ids;
    note->borrower.granted = note_granted;
    note->borrower.user = note;
    note->batch.done = note_done;
    note->batch.user = note;
    seen.count = 0;
    seen.next_write = now + WRITE_EVERY_MS;
    iqm_pg_borrow(pg, &note->borrower);
}
