/* A step of a record from one status to the next (x-transition in the contract). Knows JSON and the
 * contract, no SQL. */
#include "transition.h"

#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/ids.h"

#include <stdio.h>
#include <string.h>

static bool begins_at(const struct iqm_transition *transition, const char *status)
{
    for (const char *const *from = transition->from; *from != NULL; from++) {
        if (strcmp(*from, status) == 0)
            return true;
    }
    return false;
}

/* "draft or returned" */
static const char *statuses_named(struct iqm_arena *arena, const struct iqm_transition *transition)
{
    const char *text = transition->from[0];

    for (const char *const *from = transition->from + 1; text != NULL && *from != NULL; from++)
        text = iqm_arena_printf(arena, "%s%s%s", text, from[1] == NULL ? " or " : ", ", *from);
    return text != NULL ? text : "another";
}

static int check_status(struct iqm_call *call, const char *status)
{
    const struct iqm_transition *transition = call->operation->transition;

    if (begins_at(transition, status))
        return 0;
    return iqm_problem_set(&call->problem, IQM_PROBLEM_WRONG_STATUS,
        "This needs a record whose status is %s; the status of this one is %s.",
        statuses_named(call->arena, transition), status);
}

static bool may_set(const struct iqm_member *member, const char *roles)
{
    for (const char *const *writer = member->writers; writer != NULL && *writer != NULL; writer++) {
        if (iqm_roles_have(roles, *writer))
            return true;
    }
    return member->writers == NULL;
}

/* Only members that are sent count: null sets nothing here. */
static int check_writers(struct iqm_call *call)
{
    const struct iqm_schema *schema = &call->contract->schemas[call->operation->body_schema];
    const char *name;
    json_t *value;
    int error = 0;

    json_object_foreach(call->body, name, value)
    {
        const struct iqm_member *member =
            iqm_schema_member(schema, (struct iqm_slice){name, strlen(name)});
        char pointer[100];
        if (member == NULL || json_is_null(value) || may_set(member, call->roles))
            continue;
        snprintf(pointer, sizeof pointer, "/%s", name);
        iqm_problem_at(&call->problem, pointer, "may not be set by your role");
        error = iqm_problem_set(&call->problem, IQM_PROBLEM_MEMBER_FORBIDDEN, NULL);
    }
    call->denied = error != 0;
    return error;
}

static int refuse_day(struct iqm_call *call, const char *sentence, const char *day)
{
    iqm_problem_at(&call->problem, "/happened_on", sentence, day);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

static int check_day(
    struct iqm_call *call, const json_t *before, const char *today, const char *day)
{
    const json_t *steps = json_object_get(before, "transitions");
    const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
    const char *earliest = last != NULL ? iqm_rules_text(last, "happened_on") : NULL;

    if (strcmp(day, today) > 0)
        return refuse_day(call, "is in the future; today is %s", today);
    if (earliest != NULL && strcmp(day, earliest) < 0)
        return refuse_day(call, "is before the step before it, which was on %s", earliest);
    return 0;
}

int transition_check(struct iqm_call *call, const json_t *before, const char *today,
    char ret_day[static IQM_DATE_TEXT])
{
    const char *sent = iqm_rules_text(call->body, "happened_on");
    const char *day = sent != NULL ? sent : today;
    int error = check_status(call, iqm_rules_text(before, "status"));

    if (error == 0)
        error = check_writers(call);
    if (error == 0)
        error = check_day(call, before, today, day);
    if (error == 0 && json_array_size(json_object_get(before, "transitions")) >= TRANSITIONS_MAX)
        error = iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
            "This record has taken %d steps, and no record takes more.", TRANSITIONS_MAX);
    if (error == 0)
        memcpy(ret_day, day, IQM_DATE_TEXT);
    return error;
}

/* What is told of the step beside what the client sent. */
static json_t *new_entry(const struct iqm_call *call, const char *day)
{
    const struct iqm_transition *transition = call->operation->transition;
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "transition", transition->name, "status",
        transition->to, "happened_on", day, "recorded_at", now, "actor", call->actor);
}

/* Whether the resource has such a member for clients to set. */
static bool is_the_records(const struct iqm_call *call, const char *name)
{
    uint16_t schema = call->operation->resource->schema;
    const struct iqm_member *member =
        iqm_schema_member(&call->contract->schemas[schema], (struct iqm_slice){name, strlen(name)});

    return member != NULL && (member->flags & IQM_MEMBER_READ_ONLY) == 0;
}

static int apply_request(const struct iqm_call *call, json_t *document, json_t *entry)
{
    const char *name;
    json_t *value;
    int failed = 0;

    json_object_foreach(call->body, name, value)
    {
        if (strcmp(name, "happened_on") == 0 || json_is_null(value))
            continue;
        json_t *place = is_the_records(call, name) ? document : entry;
        failed |= json_object_set(place, name, value);
    }
    return failed;
}

json_t *transition_document(const struct iqm_call *call, const json_t *before, const char *day)
{
    json_t *document = json_deep_copy(before);
    json_t *entry = new_entry(call, day);
    json_t *steps = json_object_get(document, "transitions");
    int failed = document == NULL || entry == NULL || apply_request(call, document, entry);

    if (steps == NULL && failed == 0) {
        steps = json_array();
        failed = json_object_set_new(document, "transitions", steps);
    }
    if (failed == 0)
        failed =
            json_array_append(steps, entry) |
            json_object_set_new(document, "status", json_string(call->operation->transition->to));
    json_decref(entry);
    if (failed == 0)
        return document;
    json_decref(document);
    return NULL;
}
