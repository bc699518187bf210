/*
 * Which clients were given whose data. Gathered per worker and written in one statement once a
 * second, or when a batch is full: a write for each reading would cost more than the reading. What
 * cannot be written is tried again.
 */
#include "iqm/recipients.h"

#include "iqm/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 256
#define LIST_TEXT (PAIRS_MAX * IQM_UUID_TEXT + 3)

struct pair {
    char person[IQM_UUID_TEXT], client[IQM_UUID_TEXT];
};

static _Thread_local struct gathered {
    struct pair pairs[PAIRS_MAX];
    unsigned count;
} seen;

/* What is on its way into the database. */
struct note {
    struct iqm_pg_borrower borrower;
    struct iqm_pg_batch batch;
    struct iqm_pg_session *session;
    struct iqm_pg_value values[2];
    struct gathered gathered;
    char people[LIST_TEXT], clients[LIST_TEXT];
};

static void gather(const char *person, const char *client)
{
    for (unsigned i = 0; i < seen.count; i++) {
        if (strcmp(seen.pairs[i].person, person) == 0 && strcmp(seen.pairs[i].client, client) == 0)
            return;
    }
    if (seen.count == PAIRS_MAX)
        return;
    struct pair *pair = &seen.pairs[seen.count++];
    snprintf(pair->person, sizeof pair->person, "%s", person);
    snprintf(pair->client, sizeof pair->client, "%s", client);
}

/* To be tried again, beside what came meanwhile. */
static void put_back(struct note *note)
{
    for (unsigned i = 0; i < note->gathered.count; i++)
        gather(note->gathered.pairs[i].person, note->gathered.pairs[i].client);
    free(note);
}

static void written(struct iqm_pg_batch *batch)
{
    struct note *note = batch->user;
    bool is_done = batch->error == 0;

    iqm_pg_release(note->session);
    iqm_pg_batch_clear(batch);
    if (is_done)
        free(note);
    else
        put_back(note);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct note *note = borrower->user;

    if (error != 0) {
        put_back(note);
        return;
    }
    note->session = session;
    iqm_pg_batch_add(&note->batch, "note_client_reads",
        "SELECT note_client_reads($1::uuid[], $2::uuid[])", note->values, 2);
    iqm_pg_run(session, &note->batch);
}

static void write_note(struct iqm_pg *pg, struct note *note)
{
    note->values[0].text = note->people;
    note->values[1].text = note->clients;
    note->borrower = (struct iqm_pg_borrower){.granted = granted, .user = note};
    note->batch.done = written;
    note->batch.user = note;
    iqm_pg_borrow(pg, &note->borrower);
}

static char *put_id(char *end, bool is_first, const char *id)
{
    *end++ = is_first ? '{' : ',';
    return mempcpy(end, id, IQM_UUID_TEXT - 1);
}

static void write_all(struct iqm_pg *pg)
{
    struct note *note = calloc(1, sizeof *note);

    if (note == NULL)
        return; /* the next round has them */
    char *people = note->people, *clients = note->clients;
    for (unsigned i = 0; i < seen.count; i++) {
        people = put_id(people, i == 0, seen.pairs[i].person);
        clients = put_id(clients, i == 0, seen.pairs[i].client);
    }
    *people = *clients = '}';
    note->gathered = seen;
    seen.count = 0;
    write_note(pg, note);
}

void iqm_recipients_note(struct iqm_call *call, const char *person_id)
{
    if (call->client == NULL)
        return;
    if (seen.count == PAIRS_MAX)
        write_all(call->pg);
    gather(person_id, call->client);
}

void iqm_recipients_note_opened(struct iqm_call *call, const struct iqm_vault_opening *opening)
{
    for (size_t i = 0; i < opening->count; i++) {
        if (opening->opened[i].ptr != NULL)
            iqm_recipients_note(call, opening->fetch.people[i]);
    }
}

void iqm_recipients_upkeep(struct iqm_pg *pg)
{
    if (seen.count > 0 && iqm_pg_is_up(pg))
        write_all(pg);
}
