/*
 * What an erasure would do, and which texts of others would go on naming the person:
 *   [identify, what there is] → [snapshot, identify] → ([texts] → keys) … → answer
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/buffer.h"
#include "privacy/access/mentions.h"
#include "programme/step.h"

#include <string.h>

/* The preview lists so many; access tells them all. */
#define MENTIONS_MAX 100

struct preview {
    struct step *step;
    struct iqm_walk walk;
    struct mention_search mentions;
    struct iqm_buffer text;
    unsigned count;
};

static void release(struct iqm_call *call)
{
    struct step *step = call->state;
    struct preview *preview = step->user;

    iqm_pg_batch_clear(&step->batch);
    iqm_walk_end(&preview->walk);
    iqm_buffer_free(&preview->text);
}

static void answer(struct preview *preview)
{
    bool more = preview->count > MENTIONS_MAX;

    iqm_buffer_text(
        &preview->text, more ? "],\"more_mentions\":true}" : "],\"more_mentions\":false}");
    if (preview->text.failed)
        step_fail(preview->step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(preview->step->call, 200, "application/json", preview->text.bytes,
            preview->text.length);
}

static void found(struct mention_search *search, const struct mention *mention)
{
    struct preview *preview = search->user;

    if (++preview->count > MENTIONS_MAX)
        return;
    if (preview->count > 1)
        iqm_buffer_text(&preview->text, ",");
    mention_write(mention, &preview->text);
}

static void paused(struct mention_search *search)
{
    struct preview *preview = search->user;

    if (preview->count > MENTIONS_MAX)
        answer(preview);
    else
        mentions_go_on(search);
}

static void done(struct mention_search *search)
{
    answer(search->user);
}

static void begun(struct iqm_walk *walk)
{
    struct step *step = walk->call->state;
    struct preview *preview = step->user;

    preview->mentions = (struct mention_search){.walk = walk,
        .person = walk->call->path_values[0].ptr,
        .found = found,
        .paused = paused,
        .done = done,
        .user = preview};
    mentions_begin(&preview->mentions);
}

static void failed(struct iqm_walk *walk)
{
    iqm_auth_fail(walk->call);
}

static void shown(struct step *step, const PGresult *rows)
{
    struct preview *preview = step->user;

    if (PQgetisnull(rows, 0, 0) == 1) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    iqm_buffer_add(&preview->text, PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0) - 1);
    iqm_buffer_text(&preview->text, ",\"mentions\":[");
    preview->walk = (struct iqm_walk){.call = step->call, .failed = failed};
    iqm_walk_begin(&preview->walk, begun);
}

void iqm_op_get_erasure_preview(struct iqm_call *call)
{
    struct step *step = step_new(call);
    struct preview *preview = iqm_arena_alloc(call->arena, sizeof *preview);

    if (step == NULL)
        return;
    if (preview == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    preview->step = step;
    step->user = preview;
    call->release = release;
    step_read_asked(step, call->operation->statement, shown);
}
