/* Erases people who are due, one by one: begin, hold, look again, erase, enter it in the ledger,
 * commit, destroy the key. What is cut off between the last two is made good by the next round. */
#include "privacy/retention/round.h"

#include "iqm/erasure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE "1000" /* people looked at in one statement */
#define ENTRY_MEMORY ((size_t)8 * 1024 * 1024)
#define FIRST_ID "00000000-0000-0000-0000-000000000000"

/* What is erased, and what becomes of it. */
struct erasing {
    const struct retention_round *round;
    struct iqm_erasure_entry erasure;
    struct iqm_arena *arena;
    const char *entry, *certificate; /* NULL: the person is kept */
};

/* Erases in a transaction that is begun here, if the person is still due. False: it failed. */
static bool erase(struct erasing *erasing)
{
    const struct retention_round *round = erasing->round;
    const char *values[] = {erasing->erasure.rule, erasing->erasure.person};
    IQM_CLEANUP(iqm_ask_clear) PGresult *begun = retention_ask(round, "BEGIN", 0, NULL);
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *rows =
        begun != NULL
            ? retention_ask(round, "SELECT detail FROM erase_due_person($1, $2::uuid)", 2, values)
            : NULL;

    if (PQntuples(rows) != 1)
        return false;
    if (PQgetisnull(rows, 0, 0))
        return true;
    iqm_erasure_begin(&erasing->erasure);
    return iqm_erasure_write(erasing->arena, round->config, &erasing->erasure,
               (struct iqm_slice){PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0)},
               &erasing->entry, &erasing->certificate) == 0;
}

static bool enter(const struct erasing *erasing)
{
    const char *values[] = {erasing->entry, erasing->certificate};
    IQM_CLEANUP(iqm_ask_clear)
    PGresult *entered =
        retention_ask(erasing->round, "SELECT record_erasure($1::json, $2)", 2, values);

    return entered != NULL;
}

static int erase_one(
    const struct retention_round *round, const struct retention_rule *rule, const char *person)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(ENTRY_MEMORY);
    struct erasing erasing = {
        .round = round, .erasure = {.person = person, .rule = rule->class}, .arena = arena};

    if (arena == NULL)
        return IQM_ENOMEM;
    if (!erase(&erasing) || (erasing.entry != NULL && !enter(&erasing)) || !retention_commit(round))
        return retention_give_up(round);
    if (erasing.entry == NULL)
        return 0;
    round->done->people++;
    return iqm_erasure_destroy_key(
        round->keys, &erasing.erasure, erasing.entry, erasing.certificate, round->stopping);
}

/* Each of the ids between commas; they are cut apart. */
static int erase_each(
    const struct retention_round *round, const struct retention_rule *rule, char *ids)
{
    char *rest = ids;
    int error = 0;

    for (char *id = strsep(&rest, ","); error == 0 && id != NULL && *id != '\0';
         id = strsep(&rest, ",")) {
        if (atomic_load(round->stopping))
            return 0;
        error = erase_one(round, rule, id);
    }
    return error;
}

int retention_erase_people(const struct retention_round *round, const struct retention_rule *rule)
{
    char after[IQM_UUID_TEXT] = FIRST_ID;

    while (!atomic_load(round->stopping)) {
        const char *values[] = {rule->class, after};
        IQM_CLEANUP(iqm_ask_clear)
        PGresult *page = retention_ask(
            round, "SELECT last, due FROM due_people($1, $2::uuid, " AT_ONCE ")", 2, values);
        if (PQntuples(page) != 1)
            return retention_give_up(round);
        if (PQgetisnull(page, 0, 0))
            return 0;
        snprintf(after, sizeof after, "%s", PQgetvalue(page, 0, 0));
        IQM_CLEANUP(iqm_free_pointer) char *ids = strdup(PQgetvalue(page, 0, 1));
        int error = ids != NULL ? erase_each(round, rule, ids) : IQM_ENOMEM;
        if (error != 0)
            return error;
    }
    return 0;
}
