/* Fuzz target: any bytes as a form body, and what is answered to those that are refused. */
#include "contract_tables.h"
#include "http/request.h"
#include "iqm/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(json_t *body)
{
    const char *name;
    json_t *value;

    json_object_foreach(body, name, value)
    {
        if (!json_is_string(value) || !iqm_text_is_utf8(name, strlen(name)) ||
            !iqm_text_is_utf8(json_string_value(value), json_string_length(value)))
            abort();
    }
}

/* RFC 6749, 5.2: the letters of an error description; and it must be JSON. */
static void check_refusal(const struct iqm_problem *problem)
{
    json_t *answer = json_loads(failure_oauth_text(problem), 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "error_description"));

    if (problem->type != IQM_PROBLEM_MALFORMED_BODY || text == NULL)
        abort();
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e || *text == '"' || *text == '\\')
            abort();
    }
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_call call = {.arena = iqm_arena_new((size_t)1 << 24)};
    struct iqm_slice text = {(const char *)data, size};

    iqm_problem_init(&call.problem, call.arena);
    if (form_parse(&call, text) == 0)
        check_fields(call.body);
    else
        check_refusal(&call.problem);
    json_decref(call.body);
    iqm_arena_free(call.arena);
    return 0;
}
