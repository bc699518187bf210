/* Keys for the calls of a worker: from memory, else from the key database. */
#include "iqm/vault.h"

#include "cache.h"
#include "iqm/pg.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_CONNECTIONS 2

struct iqm_vault {
    struct iqm_pg *pg;
    struct key_cache *cache;
    const struct iqm_seal_secrets *secrets;
};

/* A fetch on its way. */
struct asking {
    struct iqm_vault *vault;
    struct iqm_vault_fetch *fetch;
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[3];
    size_t *missing; /* places in fetch->keys, in the order in which they were asked for */
    size_t missing_count;
    uint8_t wrapped[IQM_WRAPPED_KEY];
    uint8_t master_id[IQM_MASTER_KEY_ID];
};

struct iqm_vault *iqm_vault_new(
    uv_loop_t *loop, const struct iqm_config *config, const struct iqm_seal_secrets *secrets)
{
    struct iqm_vault *vault = calloc(1, sizeof *vault);
    struct iqm_pg_options options = {.url = config->key_database_url,
        .name = "iqmd keys",
        .role = config->database_role,
        .write_connections = WRITE_CONNECTIONS,
        .queue_max = (unsigned)config->database_queue,
        .timeout_ms = (unsigned)config->database_timeout};

    if (vault == NULL)
        return NULL;
    vault->secrets = secrets;
    vault->cache = key_cache_new();
    vault->pg = vault->cache != NULL ? iqm_pg_new(loop, &options) : NULL;
    if (vault->pg == NULL) {
        key_cache_free(vault->cache);
        free(vault);
        return NULL;
    }
    return vault;
}

void iqm_vault_close(struct iqm_vault *vault)
{
    if (vault != NULL)
        iqm_pg_close(vault->pg);
}

bool iqm_vault_settle(struct iqm_vault *vault)
{
    return vault != NULL && iqm_pg_settle(vault->pg);
}

void iqm_vault_free(struct iqm_vault *vault)
{
    if (vault == NULL)
        return;
    iqm_pg_free(vault->pg);
    key_cache_free(vault->cache);
    free(vault);
}

void iqm_vault_flush(struct iqm_vault *vault)
{
    if (vault != NULL)
        iqm_pg_flush(vault->pg);
}

const struct iqm_seal_secrets *iqm_vault_secrets(const struct iqm_vault *vault)
{
    return vault->secrets;
}

/* ---- asking ---- */

static void finish(struct iqm_vault_fetch *fetch, int error)
{
    fetch->error = error;
    fetch->done(fetch);
}

/* One key as it came; a row without one leaves it unknown. */
static int take(struct asking *asking, const PGresult *rows, int row)
{
    struct iqm_vault_fetch *fetch = asking->fetch;
    size_t place = asking->missing[row];
    struct iqm_person_key *key = &fetch->keys[place];

    if (PQgetisnull(rows, row, 0) == 1)
        return 0;
    if (iqm_key_unwrap(asking->vault->secrets, fetch->people[place],
            (const uint8_t *)PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0),
            key->bytes) != 0)
        return IQM_EINVAL;
    key->known = true;
    if (!fetch->of_files)
        key_cache_add(asking->vault->cache, fetch->people[place], key->bytes);
    return 0;
}

static void answered(struct iqm_pg_batch *batch)
{
    struct asking *asking = batch->user;
    const PGresult *rows = batch->error == 0 ? batch->results[0] : NULL;
    int error = batch->error == 0 ? 0 : IQM_EPGLOST;

    for (int row = 0; error == 0 && row < PQntuples(rows) && row < (int)asking->missing_count;
         row++)
        error = take(asking, rows, row);
    iqm_pg_batch_clear(batch);
    finish(asking->fetch, error);
}

/* The ids that are not remembered, as a PostgreSQL array. */
static char *array_of_missing(struct iqm_arena *arena, const struct asking *asking)
{
    char *text = iqm_arena_bytes(arena, asking->missing_count * IQM_UUID_TEXT + 3);
    char *at = text;

    if (text == NULL)
        return NULL;
    *at++ = '{';
    for (size_t i = 0; i < asking->missing_count; i++) {
        if (i > 0)
            *at++ = ',';
        memcpy(at, asking->fetch->people[asking->missing[i]], IQM_UUID_TEXT - 1);
        at += IQM_UUID_TEXT - 1;
    }
    memcpy(at, "}", 2);
    return text;
}

static void ask(struct asking *asking, struct iqm_arena *arena)
{
    asking->values[0].text = array_of_missing(arena, asking);
    if (asking->values[0].text == NULL) {
        finish(asking->fetch, IQM_ENOMEM);
        return;
    }
    if (asking->fetch->of_files)
        iqm_pg_batch_add(&asking->batch, "find_download_keys",
            "SELECT wrapped FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) "
            "LEFT JOIN download_key ON download_id = id ORDER BY place",
            asking->values, 1);
    else
        iqm_pg_batch_add(
            &asking->batch, "find_person_keys", IQM_FIND_PERSON_KEYS, asking->values, 1);
    asking->batch.queries[0].binary = true;
    iqm_pg_read(asking->vault->pg, &asking->batch);
}

static void ask_to_make(struct asking *asking)
{
    const struct iqm_seal_secrets *secrets = asking->vault->secrets;
    uint8_t key[IQM_KEY_BYTES];

    randombytes_buf(key, sizeof key);
    iqm_key_wrap(secrets, asking->fetch->people[0], key, asking->wrapped);
    sodium_memzero(key, sizeof key);
    iqm_master_key_id(secrets->master, asking->master_id);
    asking->values[0].text = asking->fetch->people[0];
    asking->values[1] = (struct iqm_pg_value){
        .text = (const char *)asking->wrapped, .length = IQM_WRAPPED_KEY, .binary = true};
    asking->values[2] = (struct iqm_pg_value){
        .text = (const char *)asking->master_id, .length = IQM_MASTER_KEY_ID, .binary = true};
    iqm_pg_batch_add(&asking->batch, "keep_person_key",
        "SELECT keep_person_key($1::uuid, $2::bytea, $3::bytea)", asking->values, 3);
    asking->batch.queries[0].binary = true;
    iqm_pg_write(asking->vault->pg, &asking->batch);
}

static struct asking *new_asking(
    struct iqm_vault *vault, struct iqm_arena *arena, struct iqm_vault_fetch *fetch)
{
    struct asking *asking = iqm_arena_alloc(arena, sizeof *asking);

    fetch->keys = iqm_arena_array(arena, fetch->count + 1, sizeof *fetch->keys);
    if (asking == NULL || fetch->keys == NULL)
        return NULL;
    asking->missing = iqm_arena_array(arena, fetch->count + 1, sizeof *asking->missing);
    asking->vault = vault;
    asking->fetch = fetch;
    asking->batch.done = answered;
    asking->batch.user = asking;
    return asking->missing != NULL ? asking : NULL;
}

void iqm_vault_fetch(
    struct iqm_vault *vault, struct iqm_arena *arena, struct iqm_vault_fetch *fetch)
{
    struct asking *asking = new_asking(vault, arena, fetch);

    if (asking == NULL) {
        finish(fetch, IQM_ENOMEM);
        return;
    }
    for (size_t i = 0; i < fetch->count; i++) {
        if (fetch->of_files ||
            !key_cache_find(asking->vault->cache, fetch->people[i], &fetch->keys[i]))
            asking->missing[asking->missing_count++] = i;
    }
    if (asking->missing_count == 0)
        finish(fetch, 0);
    else if (fetch->make)
        ask_to_make(asking);
    else
        ask(asking, arena);
}

/* ---- opening ---- */

static int open_one(struct iqm_vault_opening *opening, size_t place)
{
    const struct iqm_person_key *key = &opening->fetch.keys[place];

    if (opening->stored[place].ptr == NULL)
        return 0;
    return iqm_open_stored(
        opening->arena, opening->resource, key, opening->stored[place], &opening->opened[place]);
}

static void keys_fetched(struct iqm_vault_fetch *fetch)
{
    struct iqm_vault_opening *opening = fetch->user;
    int error = fetch->error;

    for (size_t i = 0; error == 0 && i < opening->count; i++)
        error = open_one(opening, i);
    opening->error = error;
    opening->done(opening);
}

/* Whom the documents are about, in their order. */
static int find_people(struct iqm_vault_opening *opening, char (*people)[IQM_UUID_TEXT])
{
    for (size_t i = 0; i < opening->count; i++) {
        if (opening->stored[i].ptr == NULL)
            memcpy(people[i], "00000000-0000-0000-0000-000000000000", IQM_UUID_TEXT);
        else if (iqm_sealed_person(opening->resource, opening->stored[i], people[i]) != 0)
            return IQM_EINVAL;
    }
    return 0;
}

void iqm_vault_open(
    struct iqm_vault *vault, struct iqm_arena *arena, struct iqm_vault_opening *opening)
{
    char(*people)[IQM_UUID_TEXT] = iqm_arena_array(arena, opening->count + 1, sizeof *people);

    opening->arena = arena;
    opening->opened = iqm_arena_array(arena, opening->count + 1, sizeof *opening->opened);
    opening->error =
        people == NULL || opening->opened == NULL ? IQM_ENOMEM : find_people(opening, people);
    if (opening->error != 0) {
        opening->done(opening);
        return;
    }
    opening->fetch = (struct iqm_vault_fetch){.people = (const char(*)[IQM_UUID_TEXT])people,
        .count = opening->count,
        .done = keys_fetched,
        .user = opening};
    iqm_vault_fetch(vault, arena, &opening->fetch);
}

/* ---- destroying ---- */

static void told(struct iqm_pg_batch *batch)
{
    struct iqm_vault_destruction *destruction = batch->user;

    iqm_vault_forget_all();
    destruction->error = batch->error == 0 ? 0 : IQM_EPGLOST;
    iqm_pg_batch_clear(batch);
    destruction->done(destruction);
}

void iqm_vault_destroy(struct iqm_vault *vault, struct iqm_vault_destruction *destruction)
{
    struct iqm_pg_value *values = destruction->values;

    values[0].text = destruction->person;
    values[1].text = destruction->erasure;
    values[2].text = destruction->entry;
    values[3].text = destruction->certificate;
    destruction->batch.done = told;
    destruction->batch.user = destruction;
    iqm_pg_batch_add(&destruction->batch, "log_erasure",
        "SELECT log_erasure($1::uuid, $2::uuid, $3::json, $4)", values, 4);
    iqm_pg_write(vault->pg, &destruction->batch);
}

void iqm_vault_ping(struct iqm_vault *vault, struct iqm_vault_destruction *destruction)
{
    destruction->batch.done = told;
    destruction->batch.user = destruction;
    iqm_pg_batch_add(
        &destruction->batch, "find_erasure", "SELECT FROM erasure_log LIMIT 1", NULL, 0);
    iqm_pg_write(vault->pg, &destruction->batch);
}
