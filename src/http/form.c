/*
 * Text as HTML forms encode it (application/x-www-form-urlencoded, URL Standard 5.1): pairs and
 * their decoding, which queries share, and a whole body as a JSON object of strings.
 */
#include "request.h"

#include "contract_tables.h"
#include "iqm/text.h"

#include <string.h>

#define FIELDS_MAX 64
#define NAME_SHOWN_MAX 90

int form_decode(struct iqm_arena *arena, struct iqm_slice raw, struct iqm_slice *ret_text)
{
    if (memchr(raw.ptr, '+', raw.len) != NULL) {
        char *copy = iqm_arena_copy(arena, raw.ptr, raw.len);
        if (copy == NULL)
            return IQM_ENOMEM;
        for (size_t i = 0; i < raw.len; i++) {
            if (copy[i] == '+')
                copy[i] = ' ';
        }
        raw.ptr = copy;
    }
    return iqm_text_percent_decode(raw, arena, ret_text);
}

bool form_next(struct iqm_slice *rest, struct iqm_slice *ret_name, struct iqm_slice *ret_value)
{
    while (rest->len > 0 && *rest->ptr == '&')
        *rest = (struct iqm_slice){rest->ptr + 1, rest->len - 1};
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, '&', rest->len);
    size_t length = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    const char *equals = memchr(rest->ptr, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - rest->ptr) : length;
    size_t value_start = equals != NULL ? name_length + 1 : length;
    *ret_name = (struct iqm_slice){rest->ptr, name_length};
    *ret_value = (struct iqm_slice){rest->ptr + value_start, length - value_start};
    *rest = (struct iqm_slice){rest->ptr + length, rest->len - length};
    return true;
}

const char *form_shown(struct iqm_arena *arena, struct iqm_slice name)
{
    char *shown = iqm_arena_copy(arena, name.ptr, iqm_text_cut(name.ptr, name.len, NAME_SHOWN_MAX));
    return shown != NULL ? shown : "?";
}

static int take_field(struct iqm_call *call, struct iqm_slice raw_name, struct iqm_slice raw_value)
{
    struct iqm_slice name, value;
    int error = form_decode(call->arena, raw_name, &name);

    if (error == 0)
        error = form_decode(call->arena, raw_value, &value);
    if (error == IQM_ENOMEM)
        return error;
    if (error != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "The form is not valid percent-encoded UTF-8.");
    if (json_object_get(call->body, name.ptr) != NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
            "The field %s is sent more than once.", form_shown(call->arena, name));
    if (json_object_set_new(call->body, name.ptr, json_stringn(value.ptr, value.len)) != 0)
        return IQM_ENOMEM;
    return 0;
}

int form_parse(struct iqm_call *call, struct iqm_slice text)
{
    struct iqm_slice name, value;
    int error = 0;

    call->body = json_object();
    if (call->body == NULL)
        return IQM_ENOMEM;
    while (error == 0 && form_next(&text, &name, &value)) {
        if (json_object_size(call->body) >= FIELDS_MAX)
            return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
                "The form has more than %d fields.", FIELDS_MAX);
        error = take_field(call, name, value);
    }
    return error;
}
