/*
 * The right of access (UK GDPR, Article 15): everything that is held about a person.
 *   [identify, noted that it is handed out] → [snapshot, identify] → ([place] → ([rows] → keys →
 * told) …) … → ([texts of others] → keys → told) … → end
 * Each row goes to the client before the next ones are read, so nothing grows with what there is.
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "privacy/access/access.h"
#include "privacy/processing_record/record.h"

#include <stdlib.h>
#include <string.h>

static void go_on(struct access *access);

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct access *access = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_walk_end(&access->walk);
    iqm_archive_free(access->zip);
    iqm_buffer_free(&access->text);
    iqm_buffer_free(&access->line);
}

static void told(struct access *access, int error)
{
    access->failed = access->failed || error != 0 || access->text.failed;
}

/* Hands over what there is, or goes on until there is something. */
static void give(struct access *access)
{
    if (access->failed) {
        iqm_call_break(access->call);
    } else if (access->text.length > 0) {
        access->given = true;
        iqm_call_piece(access->call, access->text.bytes, access->text.length);
    } else {
        go_on(access);
    }
}

static void more(struct iqm_call *call)
{
    struct step *step = call->state;
    struct access *access = step->user;

    if (access->given)
        iqm_buffer_empty(&access->text);
    access->given = false;
    give(access);
}

/* ---- places ---- */

static void unsealed(struct iqm_walk *walk, const struct iqm_slice *documents)
{
    struct access *access = walk->user;

    for (int i = 0; i < PQntuples(walk->rows) && !access->failed; i++) {
        struct access_row row = {
            .document = documents[i], .beside = iqm_pg_slice(walk->rows, i, 1)};
        if (row.beside.ptr != NULL || row.document.ptr != NULL)
            told(access, access->form->row(access, &row));
    }
    give(access);
}

/* As which a row is sealed: as what it is a document of, or as the place says. */
static const struct iqm_resource *resource_of(struct access *access, int row)
{
    const PGresult *rows = access->walk.rows;

    if (PQgetisnull(rows, row, 0) == 0)
        return iqm_contract_resource(access->call->contract, PQgetvalue(rows, row, 0));
    return access->sealed.name != NULL ? &access->sealed : NULL;
}

static void fetched(struct iqm_walk *walk)
{
    struct access *access = walk->user;
    size_t count = (size_t)PQntuples(walk->rows);
    const struct iqm_resource **resources =
        iqm_arena_array(walk->arena, count + 1, sizeof *resources);
    struct iqm_slice *stored = iqm_arena_array(walk->arena, count + 1, sizeof *stored);

    if (resources == NULL || stored == NULL || count == 0) {
        told(access, count == 0 ? access->form->place_end(access) : IQM_ENOMEM);
        access->place = NULL;
        give(access);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        resources[i] = resource_of(access, (int)i);
        stored[i] = iqm_pg_slice(walk->rows, (int)i, 2);
    }
    iqm_walk_unseal(walk, resources, stored, count, unsealed);
}

static void place_opened(struct iqm_walk *walk)
{
    struct access *access = walk->user;

    told(access, access->form->place(access));
    iqm_walk_fetch(walk, fetched);
}

static void open_place(struct access *access, const struct iqm_place *place)
{
    access->place = place;
    access->sealed =
        (struct iqm_resource){.name = place->sealed_resource, .subject = place->sealed_subject};
    access->walk.user = access;
    access->values[0].text = place->name;
    access->values[1].text = access->person;
    iqm_walk_open(
        &access->walk, "SELECT open_personal_place($1, $2::uuid)", access->values, 2, place_opened);
}

/* ---- mentions ---- */

static void mention_found(struct mention_search *search, const struct mention *mention)
{
    struct access *access = search->user;

    if (!access->failed)
        told(access, access->form->mention(access, mention));
}

static void mentions_paused(struct mention_search *search)
{
    give(search->user);
}

static void mentions_done(struct mention_search *search)
{
    struct access *access = search->user;

    access->phase = ACCESS_END;
    told(access, access->form->end(access));
    give(access);
}

static void begin_mentions(struct access *access)
{
    access->phase = ACCESS_MENTIONS;
    access->mentions = (struct mention_search){.walk = &access->walk,
        .person = access->person,
        .found = mention_found,
        .paused = mentions_paused,
        .done = mentions_done,
        .user = access};
    told(access, access->form->mentions(access));
    mentions_begin(&access->mentions);
}

/* ---- the whole ---- */

static void go_on(struct access *access)
{
    const struct iqm_contract *contract = access->call->contract;
    const struct iqm_place *places = contract->places;

    if (access->phase == ACCESS_END) {
        iqm_call_end(access->call);
    } else if (access->phase == ACCESS_MENTIONS) {
        mentions_go_on(&access->mentions);
    } else if (access->place != NULL) {
        iqm_walk_fetch(&access->walk, fetched);
    } else {
        while (access->next_place < contract->place_count &&
               places[access->next_place].condition == NULL)
            access->next_place++;
        if (access->next_place < contract->place_count)
            open_place(access, &places[access->next_place++]);
        else
            begin_mentions(access);
    }
}

/* Before the answer has begun it is a problem; afterwards it is cut off. */
static void walk_failed(struct iqm_walk *walk)
{
    struct step *step = walk->call->state;
    struct access *access = step->user;

    if (!access->answered)
        iqm_auth_fail(walk->call);
    else
        iqm_call_break(walk->call);
}

static void begun(struct iqm_walk *walk)
{
    struct step *step = walk->call->state;
    struct access *access = step->user;

    told(access, access->form->begin(access));
    if (access->failed) {
        iqm_call_fail_with(walk->call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    access->answered = true;
    if (access->form == &access_as_csv_files)
        iqm_call_header(walk->call, "Content-Disposition",
            iqm_arena_printf(walk->call->arena, "attachment; filename=\"personal-data-%.10s.zip\"",
                access->made_at));
    iqm_call_stream(walk->call, 200, access->form->media_type, IQM_STREAM_UNKNOWN, more);
}

static void noted(struct step *step, const PGresult *rows)
{
    struct access *access = step->user;

    if (!step_shows(step, rows, 0))
        return;
    access->made_at = iqm_arena_string(step->call->arena, PQgetvalue(rows, 0, 0));
    if (access->made_at == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    access->walk = (struct iqm_walk){.call = step->call, .failed = walk_failed};
    iqm_walk_begin(&access->walk, begun);
}

char *access_processing(struct access *access)
{
    json_t *record = processing_record(access->call);
    char *text = record != NULL ? json_dumps(record, JSON_COMPACT) : NULL;

    json_decref(record);
    return text;
}

void iqm_op_get_personal_data(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct access *access = iqm_arena_alloc(call->arena, sizeof *access);

    if (step == NULL)
        return;
    if (access == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    *access = (struct access){.step = step, .call = call, .person = call->path_values[0].ptr};
    access->form = iqm_call_prefers(call, "application/zip", "application/json")
                       ? &access_as_csv_files
                       : &access_as_json;
    step->user = access;
    call->release = release;
    step->values[0].text = access->person;
    step_change(step, call->operation->statement, noted);
}
