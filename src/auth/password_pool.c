/* The threads that hash and compare passwords: few, of low priority, with a bounded queue, so that
 * many sign-ins at once slow neither the reads nor use up the memory. Knows no request. */
#include "password_pool.h"

#include "iqm/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 19 /* the lowest priority: what answers others keeps its speed */

struct iqm_passwords {
    struct iqm_password_cost cost;
    char stand_in[IQM_PASSWORD_STORED]; /* hash of what nobody knows, for unknown people */
    struct iqm_password_list *list;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct iqm_password_job *first, *last;
    size_t places; /* taken in the queue */
    bool stopping, dropping;
    size_t thread_count; /* the main thread's */
    pthread_t threads[IQM_PASSWORD_THREADS_MAX];
};

/* A hash of lower cost than today's would tell that somebody has this name. (One of higher cost
 * does, until it is made anew: what it costs cannot be known where nobody has the name.) */
static void make_up(
    const struct iqm_passwords *passwords, const char *stored, struct iqm_slice password)
{
    struct iqm_password_cost lack = iqm_password_lack(&passwords->cost, stored);
    char waste[IQM_PASSWORD_STORED];

    if (lack.memory > 0 && iqm_password_hash(&lack, password, waste) == 0)
        sodium_memzero(waste, sizeof waste);
}

/* Always as much work, whether anybody has this name or not. A hash of other parameters is made
 * anew while the password is at hand; where that fails the old one stays good. */
static void compare(const struct iqm_passwords *passwords, struct iqm_password_job *job)
{
    struct iqm_slice password = {job->password, job->len};
    bool matches = false;
    int error = iqm_password_verify(job->stored, password, &matches);

    if (error == IQM_EINVAL) {
        error = iqm_password_verify(passwords->stand_in, password, &matches);
        matches = false;
    }
    job->error = error;
    job->matches = matches;
    if (error == 0 && !matches)
        make_up(passwords, job->stored, password);
    else if (matches && iqm_password_is_outdated(&passwords->cost, job->stored))
        job->rehashed = iqm_password_hash(&passwords->cost, password, job->fresh) == 0;
}

static void work_on(const struct iqm_passwords *passwords, struct iqm_password_job *job)
{
    struct iqm_slice password = {job->password, job->len};

    job->error = 0;
    job->matches = job->rehashed = false;
    job->fresh[0] = '\0';
    job->stored[IQM_PASSWORD_STORED - 1] = '\0';
    if (job->make)
        job->error = iqm_password_hash(&passwords->cost, password, job->fresh);
    else
        compare(passwords, job);
    sodium_memzero(job->password, sizeof job->password);
    job->len = 0;
    job->finished(job);
}

/* The next job; NULL when the pool stops and none is left. */
static struct iqm_password_job *next_job(struct iqm_passwords *passwords)
{
    pthread_mutex_lock(&passwords->mutex);
    while (passwords->first == NULL && !passwords->stopping)
        pthread_cond_wait(&passwords->changed, &passwords->mutex);
    struct iqm_password_job *job = passwords->first;
    if (job != NULL) {
        passwords->first = job->next;
        passwords->places--;
    }
    pthread_mutex_unlock(&passwords->mutex);
    return job;
}

static void *run(void *cls)
{
    struct iqm_passwords *passwords = cls;
    struct iqm_password_job *job;

    /* On Linux a thread has a priority of its own. */
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), NICE) != 0)
        iqm_log_event(IQM_LOG_ERROR, "password_priority_not_set", "reason", strerror(errno));
    while ((job = next_job(passwords)) != NULL)
        work_on(passwords, job);
    return NULL;
}

static int start_threads(struct iqm_passwords *passwords, size_t count)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (error == 0 && passwords->thread_count < count) {
        error = pthread_create(&passwords->threads[passwords->thread_count], NULL, run, passwords);
        passwords->thread_count += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? 0 : IQM_ENOMEM;
}

static int read_list(struct iqm_passwords *passwords, const char *path)
{
    int error = iqm_password_list_open(path, &passwords->list);

    if (error != 0)
        iqm_log_event(IQM_LOG_ERROR, "password_list_not_read", "reason",
            error == IQM_ELIMIT   ? "the file is too long"
            : error == IQM_ENOMEM ? "no memory"
                                  : strerror(errno));
    return error;
}

struct iqm_passwords *iqm_passwords_start(const struct iqm_config *config)
{
    struct iqm_passwords *passwords = calloc(1, sizeof *passwords);

    if (passwords == NULL)
        return NULL;
    pthread_mutex_init(&passwords->mutex, NULL);
    pthread_cond_init(&passwords->changed, NULL);
    passwords->cost = iqm_password_cost(config);
    iqm_password_stand_in(&passwords->cost, passwords->stand_in);
    if (read_list(passwords, config->password_list) == 0 &&
        start_threads(passwords, (size_t)config->password_threads) == 0)
        return passwords;
    iqm_log_event(IQM_LOG_ERROR, "passwords_not_started", NULL, NULL);
    iqm_passwords_stop(passwords);
    return NULL;
}

void iqm_passwords_stop(struct iqm_passwords *passwords)
{
    if (passwords == NULL)
        return;
    pthread_mutex_lock(&passwords->mutex);
    passwords->stopping = true;
    pthread_cond_broadcast(&passwords->changed);
    pthread_mutex_unlock(&passwords->mutex);
    for (size_t i = 0; i < passwords->thread_count; i++)
        pthread_join(passwords->threads[i], NULL);
    pthread_cond_destroy(&passwords->changed);
    pthread_mutex_destroy(&passwords->mutex);
    iqm_password_list_free(passwords->list);
    free(passwords);
}

static struct iqm_password_job *take_all(struct iqm_passwords *passwords)
{
    pthread_mutex_lock(&passwords->mutex);
    struct iqm_password_job *first = passwords->first;
    for (const struct iqm_password_job *job = first; job != NULL; job = job->next)
        passwords->places--;
    passwords->first = NULL;
    passwords->dropping = true;
    pthread_mutex_unlock(&passwords->mutex);
    return first;
}

void iqm_passwords_drop(struct iqm_passwords *passwords)
{
    struct iqm_password_job *next;

    for (struct iqm_password_job *job = take_all(passwords); job != NULL; job = next) {
        next = job->next;
        sodium_memzero(job->password, sizeof job->password);
        job->fresh[0] = '\0';
        job->error = IQM_ELIMIT;
        job->finished(job);
    }
}

const struct iqm_password_list *iqm_passwords_list(const struct iqm_passwords *passwords)
{
    return passwords->list;
}

int iqm_password_job_set(struct iqm_password_job *job, struct iqm_slice password)
{
    if (password.len > IQM_PASSWORD_BYTES)
        return IQM_ELIMIT;
    if (password.len > 0)
        memcpy(job->password, password.ptr, password.len);
    job->len = password.len;
    return 0;
}

int password_pool_reserve(struct iqm_passwords *passwords)
{
    pthread_mutex_lock(&passwords->mutex);
    bool full = passwords->dropping || passwords->places == IQM_PASSWORD_QUEUE;
    passwords->places += !full;
    pthread_mutex_unlock(&passwords->mutex);
    return full ? IQM_ELIMIT : 0;
}

void password_pool_release(struct iqm_passwords *passwords)
{
    pthread_mutex_lock(&passwords->mutex);
    passwords->places--;
    pthread_mutex_unlock(&passwords->mutex);
}

void password_pool_put(struct iqm_passwords *passwords, struct iqm_password_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&passwords->mutex);
    if (passwords->first == NULL)
        passwords->first = job;
    else
        passwords->last->next = job;
    passwords->last = job;
    pthread_cond_signal(&passwords->changed);
    pthread_mutex_unlock(&passwords->mutex);
}

int iqm_passwords_run(struct iqm_passwords *passwords, struct iqm_password_job *job)
{
    int error = password_pool_reserve(passwords);

    if (error == 0)
        password_pool_put(passwords, job);
    else
        sodium_memzero(job->password, sizeof job->password);
    return error;
}
