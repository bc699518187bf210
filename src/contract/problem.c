/*
 * Problem details (RFC 9457) behind iqm/problem.h: records what went wrong and renders it as JSON.
 * Running out of memory here loses a detail, never the fact that there was a problem.
 */
#include "iqm/problem.h"

#include <stdlib.h>
#include <string.h>

#define VIOLATIONS_AT_FIRST 8

void iqm_problem_init(struct iqm_problem *problem, struct iqm_arena *arena)
{
    *problem = (struct iqm_problem){.arena = arena};
}

int iqm_problem_set(
    struct iqm_problem *problem, const struct iqm_problem_type *type, const char *format, ...)
{
    problem->type = type;
    problem->detail = NULL;
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        problem->detail = iqm_arena_vprintf(problem->arena, format, arguments);
        va_end(arguments);
    }
    return IQM_EPROBLEM;
}

/* Room for one more violation, doubling up to the bound: a problem with one fault stays small. */
static struct iqm_violation *next_violation(struct iqm_problem *problem)
{
    size_t count = problem->violation_count;
    bool is_full = count == 0 || (count >= VIOLATIONS_AT_FIRST && (count & (count - 1)) == 0);
    if (is_full) {
        size_t capacity = count == 0 ? VIOLATIONS_AT_FIRST : count * 2;
        struct iqm_violation *grown =
            iqm_arena_array(problem->arena, capacity, sizeof(*problem->violations));
        if (grown == NULL)
            return NULL;
        if (count > 0)
            memcpy(grown, problem->violations, count * sizeof(*grown));
        problem->violations = grown;
    }
    return &problem->violations[count];
}

static void record(struct iqm_problem *problem, struct iqm_violation violation, const char *format,
    va_list arguments)
{
    problem->violation_total++;
    if (problem->violation_count >= IQM_PROBLEM_VIOLATIONS_MAX)
        return;
    struct iqm_violation *place = next_violation(problem);
    if (place == NULL)
        return;
    violation.detail = iqm_arena_vprintf(problem->arena, format, arguments);
    if (violation.detail == NULL)
        violation.detail = "is not valid";
    *place = violation;
    problem->violation_count++;
}

int iqm_problem_at(struct iqm_problem *problem, const char *pointer, const char *format, ...)
{
    struct iqm_violation violation = {0};
    if (problem->violation_count < IQM_PROBLEM_VIOLATIONS_MAX)
        violation.pointer = iqm_arena_string(problem->arena, pointer);
    va_list arguments;
    va_start(arguments, format);
    record(problem, violation, format, arguments);
    va_end(arguments);
    return IQM_EPROBLEM;
}

int iqm_problem_parameter(
    struct iqm_problem *problem, const char *name, const char *in, const char *format, ...)
{
    struct iqm_violation violation = {.parameter = name, .in = in};
    va_list arguments;
    va_start(arguments, format);
    record(problem, violation, format, arguments);
    va_end(arguments);
    return IQM_EPROBLEM;
}

/* The array as text in the arena; NULL when there is none or memory is out. */
static const char *array_text(struct iqm_arena *arena, const json_t *array)
{
    IQM_CLEANUP(iqm_free_pointer)
    char *text = json_array_size(array) > 0 ? json_dumps(array, JSON_COMPACT) : NULL;
    return text != NULL ? iqm_arena_string(arena, text) : NULL;
}

int iqm_problem_rule(
    struct iqm_problem *problem, const char *rule, const json_t *records, const char *format, ...)
{
    struct iqm_violation violation = {.rule = rule};
    if (problem->violation_count < IQM_PROBLEM_VIOLATIONS_MAX)
        violation.records = array_text(problem->arena, records);
    va_list arguments;
    va_start(arguments, format);
    record(problem, violation, format, arguments);
    va_end(arguments);
    return IQM_EPROBLEM;
}

static int set_string(json_t *object, const char *name, const char *value)
{
    if (value == NULL)
        return 0;
    return json_object_set_new(object, name, json_string(value));
}

static int append_violation(json_t *errors, const struct iqm_violation *violation)
{
    json_t *entry = json_object();
    if (json_array_append_new(errors, entry) != 0)
        return IQM_ENOMEM;
    int failed = set_string(entry, "pointer", violation->pointer);
    failed |= set_string(entry, "parameter", violation->parameter);
    failed |= set_string(entry, "in", violation->in);
    failed |= set_string(entry, "rule", violation->rule);
    if (violation->records != NULL)
        failed |= json_object_set_new(entry, "records", json_loads(violation->records, 0, NULL));
    failed |= set_string(entry, "detail", violation->detail);
    return failed == 0 ? 0 : IQM_ENOMEM;
}

static int set_errors(json_t *body, const struct iqm_problem *problem)
{
    if (problem->violation_total == 0)
        return 0;
    json_t *errors = json_array();
    if (json_object_set_new(body, "errors", errors) != 0)
        return IQM_ENOMEM;
    for (size_t i = 0; i < problem->violation_count; i++)
        if (append_violation(errors, &problem->violations[i]) != 0)
            return IQM_ENOMEM;
    json_int_t total = (json_int_t)problem->violation_total;
    return json_object_set_new(body, "error_count", json_integer(total)) == 0 ? 0 : IQM_ENOMEM;
}

static int fill_body(json_t *body, const struct iqm_problem *problem, const char *instance)
{
    const struct iqm_problem_type *type = problem->type;
    const char *uri = iqm_arena_printf(problem->arena, "/problems/%s", type->name);
    if (uri == NULL)
        return IQM_ENOMEM;
    int failed = set_string(body, "type", uri);
    failed |= set_string(body, "title", type->title);
    failed |= json_object_set_new(body, "status", json_integer(type->status));
    failed |= set_string(body, "detail", problem->detail != NULL ? problem->detail : type->detail);
    failed |= set_string(body, "instance", instance);
    return failed == 0 ? set_errors(body, problem) : IQM_ENOMEM;
}

static void release(json_t **value)
{
    json_decref(*value);
}

char *iqm_problem_text(const struct iqm_problem *problem, const char *instance, size_t *ret_len)
{
    IQM_CLEANUP(release) json_t *body = json_object();
    if (body == NULL || fill_body(body, problem, instance) != 0)
        return NULL;
    IQM_CLEANUP(iqm_free_pointer) char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL)
        return NULL;
    size_t len = strlen(text);
    char *copy = iqm_arena_copy(problem->arena, text, len);
    if (copy != NULL)
        *ret_len = len;
    return copy;
}
