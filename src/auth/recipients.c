/*
 * Who was given whose data by reading it. Gathered per worker and written in one statement once a
 * second, or when a batch is full: a write for each reading would cost more than the reading. What
 * cannot be written is kept and tried again; when too much is kept, nothing more is given out.
 */
#include "iqm/recipients.h"

#include "iqm/ids.h"
#include "iqm/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 256
#define SLOTS (2 * PAIRS_MAX)
#define NOTES_MAX 64 /* not yet written, a worker: some 16 000 pairs */
#define LIST_TEXT (PAIRS_MAX * IQM_UUID_TEXT + 3)

struct pair {
    char person[IQM_UUID_TEXT], recipient[IQM_UUID_TEXT];
};

/* Pairs that are on their way into the database, or wait for it. */
struct note {
    struct note *next; /* of those that wait */
    struct iqm_pg *pg;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_batch batch;
    struct iqm_pg_session *session;
    struct iqm_pg_value values[2];
    unsigned count;
    char people[LIST_TEXT], recipients[LIST_TEXT];
};

static _Thread_local struct {
    struct pair pairs[PAIRS_MAX];
    unsigned count;
    uint16_t slots[SLOTS]; /* by its hash, the place of a pair counted from 1; 0: none */
    struct note *failed;   /* to be tried again */
    unsigned notes;
    bool is_last; /* what fails now is lost */
} seen;

static void lose(unsigned count)
{
    struct iqm_log_line line;

    iqm_log_begin(&line, IQM_LOG_ERROR, "recipients_lost");
    iqm_log_number(&line, "count", count);
    iqm_log_end(&line);
}

/* ---- into the database ---- */

static void fail(struct note *note)
{
    if (!seen.is_last) {
        note->next = seen.failed;
        seen.failed = note;
        return;
    }
    lose(note->count);
    seen.notes--;
    free(note);
}

static void write_note(struct note *note);

static void try_again(void)
{
    struct note *note = seen.failed;

    if (note != NULL) {
        seen.failed = note->next;
        write_note(note);
    }
}

static void written(struct iqm_pg_batch *batch)
{
    struct note *note = batch->user;
    bool is_done = batch->error == 0;

    iqm_pg_release(note->session);
    iqm_pg_batch_clear(batch);
    if (!is_done) {
        fail(note);
        return;
    }
    seen.notes--;
    free(note);
    try_again();
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct note *note = borrower->user;

    if (error != 0) {
        fail(note);
        return;
    }
    note->session = session;
    iqm_pg_batch_add(&note->batch, "note_client_reads",
        "SELECT note_client_reads($1::uuid[], $2::uuid[])", note->values, 2);
    iqm_pg_run(session, &note->batch);
}

static void write_note(struct note *note)
{
    note->borrower = (struct iqm_pg_borrower){.granted = granted, .user = note};
    iqm_pg_borrow(note->pg, &note->borrower);
}

/* ---- gathering ---- */

static char *put_id(char *end, bool is_first, const char *id)
{
    *end++ = is_first ? '{' : ',';
    return mempcpy(end, id, IQM_UUID_TEXT - 1);
}

static void take_gathered(struct note *note)
{
    char *people = note->people, *recipients = note->recipients;

    for (unsigned i = 0; i < seen.count; i++) {
        people = put_id(people, i == 0, seen.pairs[i].person);
        recipients = put_id(recipients, i == 0, seen.pairs[i].recipient);
    }
    *people = *recipients = '}';
    note->count = seen.count;
    seen.count = 0;
    memset(seen.slots, 0, sizeof seen.slots);
}

/* 0; IQM_ENOMEM or IQM_ELIMIT: they stay gathered. */
static int write_gathered(struct iqm_pg *pg)
{
    if (seen.notes == NOTES_MAX)
        return IQM_ELIMIT;
    struct note *note = calloc(1, sizeof *note);
    if (note == NULL)
        return IQM_ENOMEM;
    take_gathered(note);
    note->pg = pg;
    note->values[0].text = note->people;
    note->values[1].text = note->recipients;
    note->batch.done = written;
    note->batch.user = note;
    seen.notes++;
    write_note(note);
    return 0;
}

/* Where this pair stands, or may. There are twice as many slots as pairs, so one is free. */
static uint16_t *slot_of(const char *person, const char *recipient)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (unsigned i = 0; i < IQM_UUID_TEXT - 1; i++) {
        hash = (hash ^ (uint8_t)person[i]) * 16777619u;
        hash = (hash ^ (uint8_t)recipient[i]) * 16777619u;
    }
    for (unsigned at = hash % SLOTS;; at = (at + 1) % SLOTS) {
        const struct pair *pair = &seen.pairs[seen.slots[at] - (seen.slots[at] > 0)];
        if (seen.slots[at] == 0 ||
            (strcmp(pair->person, person) == 0 && strcmp(pair->recipient, recipient) == 0))
            return &seen.slots[at];
    }
}

static int gather(struct iqm_pg *pg, const char *person, const char *recipient)
{
    uint16_t *slot = slot_of(person, recipient);

    if (*slot != 0)
        return 0;
    if (seen.count == PAIRS_MAX) {
        int error = write_gathered(pg);
        if (error != 0)
            return error;
        slot = slot_of(person, recipient);
    }
    struct pair *pair = &seen.pairs[seen.count++];
    snprintf(pair->person, sizeof pair->person, "%s", person);
    snprintf(pair->recipient, sizeof pair->recipient, "%s", recipient);
    *slot = (uint16_t)seen.count;
    return 0;
}

int iqm_recipients_note(struct iqm_call *call, const struct iqm_vault_opening *opening)
{
    const char *recipient = call->client != NULL ? call->client : call->token;
    int error = 0;

    if (recipient == NULL)
        return 0; /* the server's own pages: no program is given it */
    for (size_t i = 0; i < opening->count && error == 0; i++) {
        if (opening->opened[i].ptr != NULL)
            error = gather(call->pg, opening->fetch.people[i], recipient);
    }
    return error;
}

void iqm_recipients_upkeep(struct iqm_pg *pg)
{
    if (!iqm_pg_is_up(pg))
        return;
    try_again();
    if (seen.count > 0)
        write_gathered(pg); /* what cannot be now, the next round does */
}

bool iqm_recipients_leave(struct iqm_pg *pg, bool is_last)
{
    struct note *failed = seen.failed;

    seen.failed = NULL;
    seen.is_last = is_last;
    while (failed != NULL) {
        struct note *note = failed;
        failed = note->next;
        write_note(note);
    }
    if (seen.count > 0 && write_gathered(pg) != 0 && is_last) {
        lose(seen.count);
        seen.count = 0;
    }
    return seen.notes == 0 && seen.count == 0;
}
