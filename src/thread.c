/* A background thread with what it is woken and told by. */
#include "iqm/thread.h"

#include <signal.h>
#include <sodium.h>

#define BACK_OFF_MS 1000

static void free_thread(struct iqm_thread *thread)
{
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
}

int iqm_thread_start(struct iqm_thread *thread, void *(*run)(void *arg), void *arg)
{
    pthread_condattr_t attributes;
    sigset_t all, before;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread->id, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return 0;
    free_thread(thread);
    return IQM_ENOMEM;
}

void iqm_thread_join(struct iqm_thread *thread)
{
    pthread_join(thread->id, NULL);
    free_thread(thread);
}

struct timespec iqm_thread_after_ms(uint64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

uint64_t iqm_thread_back_off(unsigned failures, unsigned doublings)
{
    uint64_t ms = (uint64_t)BACK_OFF_MS << (failures <= doublings ? failures - 1 : doublings);

    return ms - ms / 5 + randombytes_uniform((uint32_t)(2 * ms / 5));
}
