/* How many listen, in the process and of each caller: the only thing that workers share of them. */
#include "iqm/sync.h"
#include "listener.h"

#include "iqm/ids.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 4096

struct caller {
    struct caller *next;
    int64_t seats;
    char actor[IQM_UUID_TEXT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct caller *rows[ROWS]; /* under the lock */
static _Atomic uint64_t taken, events;

/* Where the caller stands, or would. */
static struct caller **find(const char *actor)
{
    size_t hash = 5381;

    for (const char *p = actor; *p != '\0'; p++)
        hash = hash * 33 + (unsigned char)*p;
    struct caller **at = &rows[hash % ROWS];
    while (*at != NULL && strcmp((*at)->actor, actor) != 0)
        at = &(*at)->next;
    return at;
}

static struct caller *add(struct caller **at, const char *actor)
{
    struct caller *caller = calloc(1, sizeof *caller);

    if (caller != NULL)
        strncpy(caller->actor, actor, sizeof caller->actor - 1);
    *at = caller;
    return caller;
}

enum seat seat_take(const char *actor, const struct iqm_config *config)
{
    enum seat seat = SEAT_NONE_LEFT;

    pthread_mutex_lock(&lock);
    struct caller **at = find(actor);
    if (*at != NULL && (*at)->seats >= config->listeners_caller) {
        seat = SEAT_CALLER_HAS_MANY;
    } else if ((int64_t)atomic_load(&taken) < config->listeners &&
               (*at != NULL || add(at, actor) != NULL)) {
        (*at)->seats++;
        atomic_fetch_add(&taken, 1);
        seat = SEAT_TAKEN;
    }
    pthread_mutex_unlock(&lock);
    return seat;
}

void seat_leave(const char *actor)
{
    pthread_mutex_lock(&lock);
    struct caller **at = find(actor);
    struct caller *caller = *at;
    if (caller != NULL && --caller->seats == 0) {
        *at = caller->next;
        free(caller);
    }
    atomic_fetch_sub(&taken, 1);
    pthread_mutex_unlock(&lock);
}

void seat_count_event(void)
{
    atomic_fetch_add(&events, 1);
}

uint64_t iqm_sync_listeners(void)
{
    return atomic_load(&taken);
}

uint64_t iqm_sync_events(void)
{
    return atomic_load(&events);
}
