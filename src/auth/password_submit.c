/* From a call to the threads for passwords and back: the one place that knows both. */
#include "password_pool.h"

#include "iqm/services.h"

#include <sodium.h>

/* In the pool's thread; once the call is handed back it may end at any time, and the job with it.
 */
static void hand_back(struct iqm_password_job *job)
{
    iqm_return_now(job->cls);
}

/* The place is taken first: a call that is expected back must come back. */
static int prepare(struct iqm_passwords *passwords, struct iqm_call *call,
    struct iqm_password_job *job, void (*done)(struct iqm_call *call))
{
    int error = password_pool_reserve(passwords);

    if (error != 0)
        return error;
    job->finished = hand_back;
    job->cls = iqm_call_expect(call, done);
    if (job->cls != NULL)
        return 0;
    password_pool_release(passwords);
    return IQM_ENOMEM;
}

int iqm_password_submit(
    struct iqm_call *call, struct iqm_password_job *job, void (*done)(struct iqm_call *call))
{
    const struct iqm_services *services = call->services;
    int error = prepare(services->passwords, call, job, done);

    if (error == 0)
        password_pool_put(services->passwords, job);
    else
        sodium_memzero(job->password, sizeof job->password);
    return error;
}

void iqm_passwords_give_up(void *services)
{
    iqm_passwords_drop(((const struct iqm_services *)services)->passwords);
}
