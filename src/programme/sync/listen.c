/*
 * The beginning of a stream of events: who may have one, and from where. What comes then is the
 * hub's doing.
 */
#include "contract_tables.h"
#include "cursor.h"
#include "iqm/services.h"
#include "listener.h"
#include "programme/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clients come back after so long. */
#define PREAMBLE "retry: 3000\n\n"
#define CALLER_RETRY "20" /* seconds; by then a heartbeat has found whose connections are gone */

/* What is needed until the stream is open. */
struct beginning {
    struct step *step;
    struct sync_cursor since; /* epoch NULL: from now on */
    struct listener *listener;
};

static void release(struct iqm_call *call)
{
    struct listener *listener = call->state;

    if (listener->beginning != NULL)
        iqm_pg_batch_clear(&listener->beginning->step->batch);
    hub_leave(listener);
    free(listener);
}

/* For hours to come, a listener is no more than what it is itself. */
static int lighten(struct iqm_call *call, struct listener *listener)
{
    iqm_pg_batch_clear(&listener->beginning->step->batch);
    listener->beginning = NULL;
    if (iqm_call_lighten(call) != 0)
        return IQM_ENOMEM;
    call->actor = listener->actor;
    return 0;
}

/* What was sent is out: the next piece may come. */
static void more(struct iqm_call *call)
{
    struct listener *listener = call->state;

    hub_sent(listener);
    if (listener->is_there)
        return;
    char *text = strdup(PREAMBLE);
    if (text == NULL || lighten(call, listener) != 0) {
        free(text);
        iqm_call_break(call);
        return;
    }
    hub_join(listener);
    hub_send(listener, text);
}

static enum seat take_seat(struct listener *listener)
{
    const struct iqm_services *services = listener->call->services;
    const char *actor = listener->call->actor;
    enum seat seat = seat_take(actor, services->config);

    if (seat != SEAT_CALLER_HAS_MANY)
        return seat;
    hub_drop_gone(actor);
    return seat_take(actor, services->config);
}

static void begin(struct step *step)
{
    struct iqm_call *call = step->call;
    struct listener *listener = call->state;

    snprintf(listener->actor, sizeof listener->actor, "%s", call->actor);
    enum seat seat = take_seat(listener);
    listener->has_seat = seat == SEAT_TAKEN;
    if (seat == SEAT_CALLER_HAS_MANY) {
        iqm_call_header(call, "Retry-After", CALLER_RETRY);
        step_fail(step, IQM_PROBLEM_RATE_LIMITED,
            "There are as many streams of events as one caller may have. End one, or try again "
            "after the "
            "time in Retry-After.");
        return;
    }
    if (seat == SEAT_NONE_LEFT) {
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    iqm_call_header(call, "X-Accel-Buffering", "no");
    iqm_call_live(call, "text/event-stream", more);
}

static void known(struct step *step, const PGresult *rows)
{
    const struct beginning *beginning = step->user;

    if (beginning->since.epoch != NULL &&
        (!step_says(rows, "t") || strcmp(beginning->since.actor, step->call->actor) != 0))
        step_fail(step, IQM_PROBLEM_SYNC_EXPIRED, NULL);
    else
        begin(step);
}

static int refuse(struct iqm_call *call, const char *name, const char *where)
{
    iqm_problem_parameter(&call->problem, name, where,
        "is none that this operation or GET /v1/sync gave; begin without it");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int take_since(struct iqm_call *call, struct beginning *beginning)
{
    struct iqm_slice last = iqm_call_parameter(call, "Last-Event-ID");
    bool has_last = last.ptr != NULL && last.len > 0;
    struct iqm_slice text = has_last ? last : iqm_call_parameter(call, "since");

    if (text.ptr == NULL)
        return 0;
    int error = sync_cursor_read(call, text, &beginning->since);
    if (error == IQM_EINVAL)
        return has_last ? refuse(call, "Last-Event-ID", "header") : refuse(call, "since", "query");
    beginning->listener->cursor = strndup(text.ptr, text.len);
    if (error != 0 || beginning->listener->cursor == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    return 0;
}

/* The token itself is not kept but for the answer's life, as the request has it. */
static void note_token(struct iqm_call *call, struct listener *listener)
{
    const struct iqm_services *services = call->services;

    iqm_token_hash(services->config->token_key_bytes, iqm_call_bearer(call), listener->token);
}

static struct beginning *prepare(struct iqm_call *call)
{
    struct beginning *beginning = iqm_arena_alloc(call->arena, sizeof *beginning);
    struct listener *listener = beginning != NULL ? calloc(1, sizeof *listener) : NULL;

    if (listener == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    beginning->step = step_new(call);
    if (beginning->step == NULL) {
        free(listener);
        return NULL;
    }
    beginning->step->user = beginning;
    beginning->listener = listener;
    *listener = (struct listener){.call = call, .beginning = beginning};
    call->state = listener;
    call->release = release;
    return beginning;
}

void iqm_op_listen_to_changes(struct iqm_call *call)
{
    struct beginning *beginning = prepare(call);

    if (beginning == NULL)
        return;
    if (take_since(call, beginning) != 0) {
        iqm_auth_refuse(call);
        return;
    }
    note_token(call, beginning->listener);
    struct step *step = beginning->step;
    if (beginning->since.epoch == NULL) {
        step_identify(step, known);
        return;
    }
    step->values[0].text = beginning->since.epoch;
    step->values[1].text = beginning->since.fields[SYNC_XID];
    step->values[2].text = beginning->since.fields[SYNC_RECORD];
    step->values[3].text = beginning->since.fields[SYNC_DAY];
    step_read(step, IQM_STATEMENT_SYNC_GOES_ON, known);
}
