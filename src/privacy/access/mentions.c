/*
 * Mentions, source after source: the documents of each resource that has texts, then earlier
 * versions, for who may see those of everybody. Of texts that are not sealed the database chooses
 * those that may be meant; the others are opened and looked at one by one.
 */
#include "privacy/access/mentions.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A document of the largest size (1 MiB), each character with its place. */
#define LOOK_MEMORY ((size_t)24 * 1024 * 1024)

#define CHOSEN "lower((doc::text) COLLATE \"en-x-icu\") COLLATE \"C\" ~ $1"
#define OPEN_CURSOR "DECLARE " IQM_WALK_CURSOR " NO SCROLL CURSOR FOR SELECT "

static const char clear_form[] =
    OPEN_CURSOR "'%s', id, NULL, doc::text FROM %s WHERE " CHOSEN " ORDER BY id";
static const char sealed_form[] = OPEN_CURSOR "'%s', id, NULL, doc::text FROM %s ORDER BY id";
static const char history_sql[] = OPEN_CURSOR
    "resource, id, version, doc::text FROM history WHERE doc IS NOT NULL AND (resource = ANY ("
    "$2::text[]) OR (resource = ANY ($3::text[]) AND " CHOSEN ")) ORDER BY resource, id, version";
/* As the person is, or was when they were deleted: then for who may see history. */
static const char person_sql[] = OPEN_CURSOR
    "doc::text FROM person WHERE id = $1::uuid UNION ALL (SELECT doc::text FROM history "
    "WHERE resource = 'person' AND id = $1::uuid AND doc IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM person WHERE id = $1::uuid) ORDER BY version DESC LIMIT 1)";

enum column { RESOURCE, ID, VERSION, DOC };

int mention_write(const struct mention *mention, struct iqm_buffer *out)
{
    json_t *one = json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s}", "resource", mention->resource, "id",
        mention->id, "version", mention->version, "pointer", mention->pointer, "found",
        mention->kind, "text", mention->excerpt);
    char *text = one != NULL ? json_dumps(one, JSON_COMPACT) : NULL;

    json_decref(one);
    out->failed = out->failed || text == NULL;
    if (text != NULL)
        iqm_buffer_text(out, text);
    free(text);
    return out->failed ? IQM_ENOMEM : 0;
}

static void fail(struct mention_search *search)
{
    iqm_problem_set(&search->walk->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    search->walk->failed(search->walk);
}

static void open_next(struct mention_search *search);

static void found_in_text(void *user, const char *pointer, const char *kind, const char *excerpt)
{
    struct mention_search *search = user;

    search->now.pointer = pointer;
    search->now.kind = kind;
    search->now.excerpt = excerpt;
    search->found(search, &search->now);
}

/* A record about the person is theirs as a whole; it is no mention. */
static bool is_own(const struct mention_search *search, const struct iqm_resource *resource,
    const json_t *document)
{
    const char *subject = resource->subject != NULL
                              ? json_string_value(json_object_get(document, resource->subject))
                              : NULL;

    return subject != NULL && strcmp(subject, search->person) == 0;
}

static int look_at_row(struct mention_search *search, int row, struct iqm_slice text)
{
    const struct iqm_contract *contract = search->walk->call->contract;
    const PGresult *rows = search->walk->rows;
    const char *name = PQgetvalue(rows, row, RESOURCE);
    const struct iqm_resource *resource = iqm_contract_resource(contract, name);
    struct iqm_arena *arena = iqm_arena_new(LOOK_MEMORY);
    json_t *document = arena != NULL ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
    int error = arena != NULL ? 0 : IQM_ENOMEM;

    search->now = (struct mention){.resource = name,
        .id = PQgetvalue(rows, row, ID),
        .version = PQgetisnull(rows, row, VERSION) ? NULL : PQgetvalue(rows, row, VERSION)};
    if (document != NULL && resource != NULL && !is_own(search, resource, document))
        error = document_mentions(
            arena, contract, resource->schema, document, &search->terms, found_in_text, search);
    json_decref(document);
    iqm_arena_free(arena);
    return error;
}

static void unsealed(struct iqm_walk *walk, const struct iqm_slice *documents)
{
    struct mention_search *search = walk->user;
    int error = 0;

    for (int row = 0; row < PQntuples(walk->rows) && error == 0; row++) {
        if (documents[row].ptr != NULL)
            error = look_at_row(search, row, documents[row]);
    }
    if (error != 0)
        fail(search);
    else
        search->paused(search);
}

static void fetched(struct iqm_walk *walk)
{
    struct mention_search *search = walk->user;
    size_t count = (size_t)PQntuples(walk->rows);
    const struct iqm_resource **resources =
        iqm_arena_array(walk->arena, count + 1, sizeof *resources);
    struct iqm_slice *stored = iqm_arena_array(walk->arena, count + 1, sizeof *stored);

    if (resources == NULL || stored == NULL) {
        fail(search);
        return;
    }
    if (count == 0) {
        search->source++;
        open_next(search);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        resources[i] =
            iqm_contract_resource(walk->call->contract, PQgetvalue(walk->rows, (int)i, RESOURCE));
        stored[i] = iqm_pg_slice(walk->rows, (int)i, DOC);
    }
    iqm_walk_unseal(walk, resources, stored, count, unsealed);
}

void mentions_go_on(struct mention_search *search)
{
    iqm_walk_fetch(search->walk, fetched);
}

static void opened(struct iqm_walk *walk)
{
    mentions_go_on(walk->user);
}

/* Earlier versions are asked for by who sees those of everybody. */
static void open_history(struct mention_search *search)
{
    iqm_walk_open(search->walk, history_sql, search->values, 3, opened);
}

static void open_resource(struct mention_search *search, const struct iqm_resource *resource)
{
    struct iqm_call *call = search->walk->call;
    bool is_sealed = resource->subject != NULL;
    char *sql = iqm_arena_printf(
        call->arena, is_sealed ? sealed_form : clear_form, resource->name, resource->name);

    if (sql == NULL)
        fail(search);
    else
        iqm_walk_open(search->walk, sql, search->values, is_sealed ? 0 : 1, opened);
}

static void open_next(struct mention_search *search)
{
    const struct iqm_contract *contract = search->walk->call->contract;
    size_t count = contract->resource_count;

    while (search->source < count &&
           !mentions_may_be_in(contract, contract->resources[search->source].schema))
        search->source++;
    if (search->source < count)
        open_resource(search, &contract->resources[search->source]);
    else if (search->source == count && iqm_roles_have(search->walk->call->roles, "head_office"))
        open_history(search);
    else
        search->done(search);
}

/* ---- how the person may be named ---- */

/* The resources that have texts, as an array of PostgreSQL's: those that are sealed, or the others.
 */
static char *resources_of(struct iqm_call *call, bool sealed)
{
    const struct iqm_contract *contract = call->contract;
    char *text = iqm_arena_string(call->arena, "");

    for (size_t i = 0; i < contract->resource_count && text != NULL; i++) {
        const struct iqm_resource *one = &contract->resources[i];
        if ((one->subject != NULL) == sealed && mentions_may_be_in(contract, one->schema))
            text =
                iqm_arena_printf(call->arena, "%s%s%s", text, *text != '\0' ? "," : "", one->name);
    }
    return text != NULL ? iqm_arena_printf(call->arena, "{%s}", text) : NULL;
}

static int read_terms(struct mention_search *search, const json_t *person)
{
    struct iqm_call *call = search->walk->call;
    struct iqm_pg_value *values = search->values;

    if (person == NULL || mention_terms_read(call->arena, person, &search->terms) != 0 ||
        mention_terms_pattern(call->arena, &search->terms, &values[0].text) != 0)
        return IQM_ENOMEM;
    values[1].text = resources_of(call, true);
    values[2].text = resources_of(call, false);
    return values[1].text != NULL && values[2].text != NULL ? 0 : IQM_ENOMEM;
}

static void person_unsealed(struct iqm_walk *walk, const struct iqm_slice *documents)
{
    struct mention_search *search = walk->user;
    json_t *person;
    int error;

    if (documents[0].ptr == NULL) { /* erased this very moment */
        search->done(search);
        return;
    }
    person = json_loadb(documents[0].ptr, documents[0].len, 0, NULL);
    error = read_terms(search, person);
    json_decref(person);
    if (error != 0)
        fail(search);
    else
        open_next(search);
}

static void person_fetched(struct iqm_walk *walk)
{
    struct mention_search *search = walk->user;
    const struct iqm_resource **resources = iqm_arena_array(walk->arena, 1, sizeof *resources);
    struct iqm_slice *stored = iqm_arena_array(walk->arena, 1, sizeof *stored);

    if (PQntuples(walk->rows) == 0) {
        search->done(search);
    } else if (resources == NULL || stored == NULL) {
        fail(search);
    } else {
        resources[0] = iqm_contract_resource(walk->call->contract, "person");
        *stored = iqm_pg_slice(walk->rows, 0, 0);
        iqm_walk_unseal(walk, resources, stored, 1, person_unsealed);
    }
}

static void person_opened(struct iqm_walk *walk)
{
    iqm_walk_fetch(walk, person_fetched);
}

void mentions_begin(struct mention_search *search)
{
    search->walk->user = search;
    search->values[0].text = search->person;
    iqm_walk_open(search->walk, person_sql, search->values, 1, person_opened);
}
