/*
 * Keys of people for a worker: asked of the key database without blocking and remembered for a
 * while. One vault a worker; nothing is shared.
 *
 * A key that this process destroys is forgotten by all of its workers at once. In the memory of
 * other instances it outlives its destruction by IQM_VAULT_MEMORY_MS at most.
 */
#ifndef IQM_VAULT_H
#define IQM_VAULT_H

#include "iqm/pg.h"
#include "iqm/seal.h"

#include <uv.h>

/* How long, and how many keys a worker remembers. */
#define IQM_VAULT_MEMORY_MS 5000
#define IQM_VAULT_KEYS 8192
/* Keys asked for at once, at most. */
#define IQM_VAULT_FETCH_MAX 1000

struct iqm_vault;

/* Says that a key was destroyed by this process; from any thread. */
void iqm_vault_forget_all(void);

/* Starts connecting in the background. The secrets are borrowed. NULL when memory is out. */
struct iqm_vault *iqm_vault_new(
    uv_loop_t *loop, const struct iqm_config *config, const struct iqm_seal_secrets *secrets);

/* As of iqm_pg: closing fails what waits; the loop runs out; then it is freed. */
void iqm_vault_close(struct iqm_vault *vault);
bool iqm_vault_settle(struct iqm_vault *vault);
void iqm_vault_free(struct iqm_vault *vault);

/* Sends what was queued in this turn of the loop. */
void iqm_vault_flush(struct iqm_vault *vault);

const struct iqm_seal_secrets *iqm_vault_secrets(const struct iqm_vault *vault);

/*
 * Fetches the keys of people. `done` is called once, perhaps before this returns, with
 * fetch->error 0, IQM_ENOMEM, IQM_EPGLOST where the key database does not answer, or IQM_EINVAL
 * where a key is of another master key. `people` has `count` ids; the keys stand in their order in
 * fetch->keys, in the arena. What is borrowed, and `fetch`, must stay until then.
 * A person without a key has `known` false. `make`: who has none gets one (count is 1); then one
 * who was erased has `known` false.
 */
struct iqm_vault_fetch {
    const char (*people)[IQM_UUID_TEXT];
    size_t count;
    bool make;
    bool of_files; /* keys of files, by their ids: never remembered, never made */
    void (*done)(struct iqm_vault_fetch *fetch);
    void *user;

    int error;
    struct iqm_person_key *keys;
};
void iqm_vault_fetch(
    struct iqm_vault *vault, struct iqm_arena *arena, struct iqm_vault_fetch *fetch);

/*
 * Opens stored documents of a resource that is about people: `stored` are borrowed, `opened` is in
 * the arena. A person that was erased meanwhile has ptr NULL; of
 * another record about one who was erased, what is not personal is left.
 * Otherwise as iqm_vault_fetch.
 */
struct iqm_vault_opening {
    const struct iqm_resource *resource;
    const struct iqm_slice *stored; /* ptr NULL: none, and none is opened */
    size_t count;
    void (*done)(struct iqm_vault_opening *opening);
    void *user;

    int error;
    struct iqm_slice *opened;
    struct iqm_vault_fetch fetch;
    struct iqm_arena *arena;
};
void iqm_vault_open(
    struct iqm_vault *vault, struct iqm_arena *arena, struct iqm_vault_opening *opening);

/*
 * Destroys the key of a person and enters the erasure in the key database's log; said twice, it has
 * happened once. `done` is called once, never before this returns, with error 0: it is durable;
 * else IQM_EPGLOST. What is borrowed must stay until then. A ping only asks whether the database
 * answers.
 */
struct iqm_vault_destruction {
    const char *person, *erasure, *entry, *certificate;
    void (*done)(struct iqm_vault_destruction *destruction);
    void *user;

    int error;
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[4];
    struct iqm_vault *vault;
};
void iqm_vault_destroy(struct iqm_vault *vault, struct iqm_vault_destruction *destruction);
void iqm_vault_ping(struct iqm_vault *vault, struct iqm_vault_destruction *destruction);

#endif
