/*
 * A whole list or history as a file:
 *   [snapshot, identify] → [cursor] → [noted that people's data is given out] → ([rows] → keys →
 * [noted whose] → written → sent) … → end
 * Of a record's history its first rows come before that is noted.
 * Rows are read when the client has taken those before.
 */
#include "export.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/ids.h"
#include "iqm/resource.h"

#include <stdio.h>
#include <string.h>

struct exporting {
    struct iqm_export export;
    const struct export_source *source;
    struct iqm_walk walk;
    const struct iqm_slice *documents; /* of the fetch under way */
    size_t document_count;
    bool is_fetched; /* the first rows are there before they are asked for */

    /* That people's data is given out. */
    struct iqm_pg_batch note;
    struct iqm_pg_value note_values[3];
};

static void release(struct iqm_call *call)
{
    struct exporting *exporting = call->state;

    iqm_walk_end(&exporting->walk);
    iqm_pg_batch_clear(&exporting->note);
    iqm_export_release(&exporting->export);
}

/* ---- reading ---- */

/* As they are written; NULL when memory is out. */
static const struct iqm_slice *make_items(struct exporting *exporting)
{
    struct iqm_walk *walk = &exporting->walk;
    size_t count = exporting->document_count;
    struct iqm_slice *items = iqm_arena_array(walk->arena, count + 1, sizeof *items);

    for (size_t i = 0; items != NULL && i < count; i++) {
        bool is_none = PQgetisnull(walk->rows, (int)i, exporting->source->column) == 1;
        if (exporting->documents[i].ptr == NULL && !is_none)
            continue; /* the person was erased meanwhile */
        items[i] =
            exporting->source->item(walk->arena, walk->rows, (int)i, exporting->documents[i]);
        if (items[i].ptr == NULL)
            return NULL;
    }
    return items;
}

static void write_rows(struct exporting *exporting)
{
    const struct iqm_slice *items = exporting->documents;

    if (exporting->source->item != NULL)
        items = make_items(exporting);
    if (items == NULL)
        iqm_call_break(exporting->walk.call);
    else
        iqm_export_rows(
            &exporting->export, items, exporting->document_count, exporting->walk.arena);
}

static void noted_whose(struct iqm_pg_batch *batch)
{
    struct exporting *exporting = batch->user;
    struct iqm_call *call = exporting->export.call;

    if (batch->error != 0 || iqm_auth_verdict(call, batch->results[0]) != 0)
        iqm_call_break(call);
    else
        write_rows(exporting);
}

static bool add_note(struct exporting *exporting, const char *people)
{
    struct iqm_call *call = exporting->export.call;

    iqm_pg_batch_clear(&exporting->note);
    if (people == NULL || iqm_auth_identify_change(call, &exporting->note) != 0)
        return false;
    exporting->note_values[0].text = call->operation->resource->name;
    exporting->note_values[1].text =
        exporting->source->is_of_record ? call->path_values[0].ptr : NULL;
    exporting->note_values[2].text = people;
    iqm_pg_batch_add(&exporting->note, "note_export",
        "SELECT note_export($1, $2::uuid, $3::uuid[])", exporting->note_values, 3);
    exporting->note.user = exporting;
    return true;
}

static const char nobody[] = "{}";

/* The people of the rows as an array of PostgreSQL's; NULL when memory is out. */
static const char *people_of(struct exporting *exporting)
{
    const struct iqm_resource *resource = exporting->export.call->operation->resource;
    size_t count = exporting->document_count;
    char *text = iqm_arena_bytes(exporting->walk.arena, count * IQM_UUID_TEXT + 3), *end = text;

    if (text == NULL)
        return NULL;
    *end++ = '{';
    for (size_t i = 0; i < count; i++) {
        char person[IQM_UUID_TEXT];
        if (exporting->documents[i].ptr == NULL ||
            iqm_sealed_person(resource, exporting->documents[i], person) != 0)
            continue;
        end += snprintf(end, IQM_UUID_TEXT + 1, "%s%s", end > text + 1 ? "," : "", person);
    }
    *end++ = '}';
    *end = '\0';
    return text;
}

static void unsealed(struct iqm_walk *walk, const struct iqm_slice *documents)
{
    struct exporting *exporting = walk->user;

    exporting->documents = documents;
    exporting->document_count = (size_t)PQntuples(walk->rows);
    const char *people =
        walk->call->operation->resource->subject != NULL ? people_of(exporting) : nobody;
    if (people != NULL && strcmp(people, nobody) == 0) {
        write_rows(exporting);
    } else if (!add_note(exporting, people)) {
        iqm_call_break(walk->call);
    } else {
        exporting->note.done = noted_whose;
        iqm_pg_write(walk->call->pg, &exporting->note);
    }
}

static void fetched(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;
    size_t count = (size_t)PQntuples(walk->rows);
    const struct iqm_resource **resources =
        iqm_arena_array(walk->arena, count + 1, sizeof *resources);
    struct iqm_slice *stored = iqm_arena_array(walk->arena, count + 1, sizeof *stored);

    if (resources == NULL || stored == NULL) {
        iqm_call_break(walk->call);
        return;
    }
    if (count == 0) {
        iqm_walk_end(walk);
        iqm_export_close(&exporting->export);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        resources[i] = walk->call->operation->resource;
        stored[i] = iqm_pg_slice(walk->rows, (int)i, exporting->source->column);
    }
    iqm_walk_unseal(walk, resources, stored, count, unsealed);
}

static void next_rows(struct iqm_export *export)
{
    struct exporting *exporting = export->user;

    if (!exporting->is_fetched) {
        iqm_walk_fetch(&exporting->walk, fetched);
        return;
    }
    exporting->is_fetched = false;
    fetched(&exporting->walk);
}

/* ---- beginning ---- */

/* Before the answer has begun it is a problem; afterwards it is cut off. */
static void walk_failed(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;

    if (exporting->export.answered)
        iqm_call_break(walk->call);
    else
        iqm_auth_fail(walk->call);
}

static void noted(struct iqm_pg_batch *batch)
{
    struct exporting *exporting = batch->user;
    struct iqm_call *call = exporting->export.call;
    int error = batch->result_count > 0 ? iqm_auth_verdict(call, batch->results[0]) : 0;

    if (error == 0 && batch->error != 0)
        error = iqm_resource_failure(call, call->operation->resource, batch, false);
    if (error != 0)
        iqm_auth_fail(call);
    else
        iqm_export_answer(&exporting->export);
}

/* Where it is people's data, that it is given out; then it is. */
static void note(struct exporting *exporting)
{
    struct iqm_call *call = exporting->export.call;

    if (call->operation->resource->subject == NULL) {
        iqm_export_answer(&exporting->export);
    } else if (!add_note(exporting, nobody)) {
        iqm_auth_fail(call);
    } else {
        exporting->note.done = noted;
        iqm_pg_write(call->pg, &exporting->note);
    }
}

/* Of a record that is not there, nothing is given out. */
static void first_fetched(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;

    if (PQntuples(walk->rows) == 0) {
        iqm_call_fail_with(walk->call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    exporting->is_fetched = true;
    note(exporting);
}

static void cursor_opened(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;

    if (exporting->source->is_of_record)
        iqm_walk_fetch(walk, first_fetched);
    else
        note(exporting);
}

static void begun(struct iqm_walk *walk)
{
    struct exporting *exporting = walk->user;
    const struct export_source *source = exporting->source;

    iqm_walk_open(walk, source->sql, source->values, source->value_count, cursor_opened);
}

void export_rows(struct iqm_call *call, const struct iqm_export_format *format,
    const struct export_source *source, uint16_t schema, const char *name)
{
    const struct iqm_resource *resource = call->operation->resource;
    struct exporting *exporting = iqm_arena_alloc(call->arena, sizeof *exporting);

    if (exporting == NULL || name == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    exporting->source = source;
    exporting->export = (struct iqm_export){.call = call,
        .user = exporting,
        .format = format,
        .name = resource->name,
        .file_name = name,
        .schema = schema,
        .versions_of = schema != resource->schema ? resource : NULL,
        .next = next_rows};
    if (iqm_export_prepare(&exporting->export) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    call->state = exporting;
    call->release = release;
    exporting->walk = (struct iqm_walk){.call = call, .user = exporting, .failed = walk_failed};
    iqm_walk_begin(&exporting->walk, begun);
}
