/*
 * Work that would block the loop: it goes to libuv's pool and comes back to the same thread; or to
 * threads of somebody else's, who say when it is done.
 */
#include "request.h"
#include "worker.h"

#include <stdlib.h>

struct background {
    uv_work_t work;
    struct iqm_call *call;
    void (*run)(struct iqm_call *call);
    void (*done)(struct iqm_call *call);
};

static void on_work(uv_work_t *work)
{
    struct background *background = work->data;

    background->run(background->call);
}

static void on_done(uv_work_t *work, int status)
{
    struct background *background = work->data;
    struct iqm_call *call = background->call;
    void (*done)(struct iqm_call *) = background->done;

    (void)status; /* nothing here is ever cancelled */
    free(background);
    request_of(call)->worker->background--;
    done(call);
}

int iqm_call_background(
    struct iqm_call *call, void (*work)(struct iqm_call *call), void (*done)(struct iqm_call *call))
{
    struct background *background = calloc(1, sizeof *background);
    struct worker *worker = request_of(call)->worker;

    if (background == NULL)
        return IQM_ENOMEM;
    background->work.data = background;
    background->call = call;
    background->run = work;
    background->done = done;
    if (uv_queue_work(&worker->loop, &background->work, on_work, on_done) != 0) {
        free(background);
        return IQM_ENOMEM;
    }
    worker->background++;
    return 0;
}

/* Lives in the call's arena: the call stays until `done` has it. */
struct iqm_return {
    struct iqm_return *next;
    struct iqm_call *call;
    void (*done)(struct iqm_call *call);
};

struct iqm_return *iqm_call_expect(struct iqm_call *call, void (*done)(struct iqm_call *call))
{
    struct iqm_return *back = iqm_arena_alloc(call->arena, sizeof *back);

    if (back == NULL)
        return NULL;
    *back = (struct iqm_return){.call = call, .done = done};
    request_of(call)->worker->background++;
    return back;
}

/* Woken under the lock: who takes the list knows that nobody is still at the handle. */
void iqm_return_now(struct iqm_return *back)
{
    struct worker *worker = request_of(back->call)->worker;

    pthread_mutex_lock(&worker->returns_lock);
    *worker->returns_end = back;
    worker->returns_end = &back->next;
    uv_async_send(&worker->returned);
    pthread_mutex_unlock(&worker->returns_lock);
}

static struct iqm_return *take_returns(struct worker *worker)
{
    pthread_mutex_lock(&worker->returns_lock);
    struct iqm_return *first = worker->returns;
    worker->returns = NULL;
    worker->returns_end = &worker->returns;
    pthread_mutex_unlock(&worker->returns_lock);
    return first;
}

static void on_returned(uv_async_t *async)
{
    struct worker *worker = async->data;
    struct iqm_return *next;

    for (struct iqm_return *back = take_returns(worker); back != NULL; back = next) {
        next = back->next;
        worker->background--;
        back->done(back->call);
    }
}

int background_open(struct worker *worker)
{
    worker->returns_end = &worker->returns;
    worker->returned.data = worker;
    return pthread_mutex_init(&worker->returns_lock, NULL) == 0 &&
                   uv_async_init(&worker->loop, &worker->returned, on_returned) == 0
               ? 0
               : IQM_ENOMEM;
}
