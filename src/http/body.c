/* A JSON or form body: gathered within its bound, parsed once, checked against the contract. */
#include "request.h"

#include "contract_tables.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024

static bool takes_none(const struct request *request)
{
    const struct iqm_operation *operation = request->call.operation;

    return operation != NULL && operation->body == IQM_BODY_NONE;
}

uint64_t body_limit(const struct request *request)
{
    const struct iqm_operation *operation = request->call.operation;
    const struct iqm_config *config = request->worker->options->config;

    if (takes_none(request))
        return EMPTY_BODY_MAX;
    if (operation != NULL && operation->body_limit == IQM_BODY_LIMIT_FILES)
        return (uint64_t)config->file_limit;
    if (operation != NULL && operation->body_limit != 0)
        return operation->body_limit;
    return (uint64_t)config->body_max;
}

int body_refuse(struct iqm_call *call)
{
    return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
        "This operation takes no body: send none, or an empty object.");
}

int body_append(struct request *request, const char *bytes, size_t len)
{
    size_t limit = (size_t)body_limit(request);

    if (len > limit - request->body_length && takes_none(request))
        return body_refuse(&request->call);
    if (len > limit - request->body_length)
        return iqm_problem_set(&request->call.problem, IQM_PROBLEM_CONTENT_TOO_LARGE,
            "The body is larger than the %zu bytes this operation accepts.", limit);
    if (request->body_length + len > request->body_room) {
        size_t room = request->body_room > 0 ? request->body_room : FIRST_ROOM;
        while (room < request->body_length + len)
            room *= 2;
        char *grown = realloc(request->body_text, room);
        if (grown == NULL)
            return iqm_problem_set(&request->call.problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        request->body_text = grown;
        request->body_room = room;
    }
    memcpy(request->body_text + request->body_length, bytes, len);
    request->body_length += len;
    return 0;
}

/* Counted before parsing: the parser's own recursion stays far below its limit. */
static bool is_too_deep(const char *text, size_t len, int64_t limit)
{
    int64_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limit)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

int iqm_call_json(struct iqm_call *call, struct iqm_slice text, json_t **ret_value)
{
    int64_t depth = request_of(call)->worker->options->config->json_depth;
    const char *what = call->part != NULL ? "change" : "body";
    json_error_t where;

    if (is_too_deep(text.ptr, text.len, depth))
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "The %s nests more than %lld levels deep.", what, (long long)depth);
    *ret_value = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
    if (*ret_value != NULL)
        return 0;
    if (json_error_code(&where) == json_error_duplicate_key)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "An object in the %s has a member twice, at line %d, column %d.", what, where.line,
            where.column);
    if (json_error_code(&where) == json_error_numeric_overflow)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "A number in the %s is too large, at line %d, column %d.", what, where.line,
            where.column);
    if (json_error_code(&where) == json_error_null_character ||
        json_error_code(&where) == json_error_null_byte_in_key)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "A string in the %s has the character U+0000, which cannot be stored, at line %d, "
            "column %d.",
            what, where.line, where.column);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
        "The %s is not valid JSON in UTF-8: it goes wrong at line %d, column %d.", what, where.line,
        where.column);
}

static int parse(struct iqm_call *call, struct iqm_slice text)
{
    if (call->operation->body == IQM_BODY_FORM)
        return form_parse(call, text);
    int error = call->operation->body == IQM_BODY_JSON ? apart_take(call, &text) : 0;
    if (error == 0)
        error = iqm_call_json(call, text, &call->body);
    return error == 0 ? apart_check(call) : error;
}

/* Many programs send an empty object with every POST, whatever they call it. */
void body_drop_empty(struct request *request)
{
    if (request->body_length == 0 || !takes_none(request))
        return;
    json_t *body = json_loadb(request->body_text, request->body_length, 0, NULL);
    if (json_is_object(body) && json_object_size(body) == 0)
        request->body_length = 0;
    json_decref(body);
}

int body_parse(struct request *request)
{
    struct iqm_call *call = &request->call;
    const struct iqm_operation *operation = call->operation;

    if (operation->body == IQM_BODY_STREAM)
        return 0;
    if (operation->body == IQM_BODY_NONE)
        return request->body_length == 0 ? 0 : body_refuse(call);
    const char *text = request->body_text != NULL ? request->body_text : "";
    int error = parse(call, (struct iqm_slice){text, request->body_length});
    if (error == 0)
        error = iqm_contract_validate(
            call->contract, operation->body_schema, call->body, "", true, &call->problem);
    if (error == IQM_EPROBLEM && call->problem.type == NULL)
        /* OAuth knows no 422: its fields are parameters. */
        iqm_problem_set(&call->problem,
            operation->errors == IQM_ERRORS_OAUTH ? IQM_PROBLEM_INVALID_PARAMETERS
                                                  : IQM_PROBLEM_VALIDATION_FAILED,
            NULL);
    return error;
}
