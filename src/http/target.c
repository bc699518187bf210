/* The raw request target: split once, decoded once, every parameter checked. No routing here. */
#include "request.h"

#include "contract_tables.h"
#include "worker.h"

#include <string.h>

#define QUERY_PAIRS_MAX 64

static int malformed(struct request *request, const char *sentence)
{
    return iqm_problem_set(&request->call.problem, IQM_PROBLEM_MALFORMED_REQUEST, "%s", sentence);
}

int target_split(struct request *request)
{
    const char *target = request->target;
    size_t length = strlen(target);
    size_t path_length = strcspn(target, "?");

    if (length > (size_t)request->worker->options->config->target_max)
        return iqm_problem_set(&request->call.problem, IQM_PROBLEM_URI_TOO_LONG, NULL);
    if (target[0] != '/')
        return malformed(request, "The request target must be a path that starts with a slash.");
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)target[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '#')
            return malformed(
                request, "The request target holds a character that must be percent-encoded.");
    }
    request->path = (struct iqm_slice){target, path_length};
    request->call.query = target[path_length] == '?' ? (struct iqm_slice){target + path_length + 1,
                                                           length - path_length - 1}
                                                     : (struct iqm_slice){target + path_length, 0};
    return 0;
}

static int find_parameter(const struct iqm_operation *operation, struct iqm_slice name)
{
    for (int i = 0; i < operation->parameter_count; i++) {
        if (operation->parameters[i].in == IQM_IN_QUERY &&
            iqm_slice_equal_string(name, operation->parameters[i].name))
            return i;
    }
    return -1;
}

static int take_pair(struct request *request, struct iqm_slice *values, struct iqm_slice raw_name,
    struct iqm_slice raw_value)
{
    struct iqm_call *call = &request->call;
    struct iqm_slice name, value;
    int error = form_decode(call->arena, raw_name, &name);

    if (error == 0)
        error = form_decode(call->arena, raw_value, &value);
    if (error == IQM_ENOMEM)
        return error;
    if (error != 0)
        return malformed(request, "The query is not valid percent-encoded UTF-8.");
    int index = find_parameter(call->operation, name);
    if (index < 0 && call->operation->ignore_unknown)
        return 0;
    if (index < 0)
        return iqm_problem_parameter(&call->problem, form_shown(call->arena, name), "query",
            "is not a parameter of this operation");
    if (values[index].ptr != NULL)
        return iqm_problem_parameter(&call->problem, call->operation->parameters[index].name,
            "query", "is given more than once");
    values[index] = value;
    return 0;
}

static int take_query(struct request *request, struct iqm_slice *values)
{
    struct iqm_slice rest = request->call.query;
    struct iqm_slice name, value;
    unsigned pairs = 0;
    int error = 0;

    while (form_next(&rest, &name, &value)) {
        if (++pairs > QUERY_PAIRS_MAX)
            return malformed(request, "The query has too many parameters.");
        if (take_pair(request, values, name, value) != 0)
            error = IQM_EPROBLEM;
    }
    return error;
}

/* Path values come in the order of the template's braces, as the path parameters are listed. */
static void take_others(struct request *request, struct iqm_slice *values)
{
    const struct iqm_operation *operation = request->call.operation;
    size_t segment = 0;

    for (int i = 0; i < operation->parameter_count; i++) {
        const struct iqm_parameter *parameter = &operation->parameters[i];
        if (parameter->in == IQM_IN_PATH)
            values[i] = request->call.path_values[segment++];
        else if (parameter->in == IQM_IN_HEADER)
            values[i] = fields_named(request, parameter->name);
    }
}

static int check_values(struct request *request, struct iqm_slice *values)
{
    static const char *const places[] = {"path", "query", "header"};
    struct iqm_call *call = &request->call;
    int error = 0;

    for (int i = 0; i < call->operation->parameter_count; i++) {
        const struct iqm_parameter *parameter = &call->operation->parameters[i];
        if (values[i].ptr == NULL && parameter->default_text != NULL)
            values[i] =
                (struct iqm_slice){parameter->default_text, strlen(parameter->default_text)};
        if (values[i].ptr == NULL && parameter->required)
            error = iqm_problem_parameter(
                &call->problem, parameter->name, places[parameter->in], "is required");
        if (values[i].ptr != NULL && iqm_contract_validate_parameter(
                                         call->contract, parameter, values[i], &call->problem) != 0)
            error = IQM_EPROBLEM;
    }
    return error;
}

int target_parameters(struct request *request)
{
    struct iqm_call *call = &request->call;
    struct iqm_slice *values =
        iqm_arena_array(call->arena, (size_t)call->operation->parameter_count + 1, sizeof *values);

    if (values == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    call->parameters = values;
    int error = take_query(request, values);
    take_others(request, values);
    if (check_values(request, values) != 0)
        error = IQM_EPROBLEM;
    if (error != 0 && call->problem.type == NULL)
        iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    return error;
}

struct iqm_slice iqm_call_parameter(const struct iqm_call *call, const char *name)
{
    for (int i = 0; i < call->operation->parameter_count; i++) {
        if (strcmp(call->operation->parameters[i].name, name) == 0)
            return call->parameters[i];
    }
    return (struct iqm_slice){NULL, 0};
}
