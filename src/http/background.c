/* Work that would block the loop goes to libuv's pool and comes back to the same thread. */
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
