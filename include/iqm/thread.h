/* A background thread with what it is woken and told by. */
#ifndef IQM_THREAD_H
#define IQM_THREAD_H

#include "iqm/base.h"

#include <pthread.h>
#include <time.h>

struct iqm_thread {
    pthread_t id;
    pthread_mutex_t mutex;  /* of whatever both sides look at */
    pthread_cond_t changed; /* waits by CLOCK_MONOTONIC */
};

/* Starts `run(arg)` in a thread that no signal reaches. 0, or IQM_ENOMEM and nothing is left. Ended
 * by iqm_thread_join. */
int iqm_thread_start(struct iqm_thread *thread, void *(*run)(void *arg), void *arg);

/* Waits until the thread has ended, and frees what belongs to it. */
void iqm_thread_join(struct iqm_thread *thread);

/* The time that many ms from now, for pthread_cond_timedwait on `changed`. */
struct timespec iqm_thread_after_ms(uint64_t ms);

/* How many ms to wait after so many failures in a row, at least one: a second, doubled each time
 * but no more often than that; a fifth more or less, so that instances do not come back together.
 */
uint64_t iqm_thread_back_off(unsigned failures, unsigned doublings);

#endif
