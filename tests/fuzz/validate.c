/* Fuzz target: any bytes as a JSON body and as a parameter's text, through the validator. */
#include "iqm/problem.h"
#include "tiny_contract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal must say what it refuses, and render as JSON. */
static void check_problem(struct iqm_problem *problem, int result)
{
    size_t len = 0;
    if ((result == 0) != (problem->violation_total == 0))
        abort();
    iqm_problem_set(problem, TINY_PROBLEM_INVALID, NULL);
    const char *text = iqm_problem_text(problem, NULL, &len);
    if (text == NULL || strlen(text) != len)
        abort();
}

static void validate_body(const uint8_t *data, size_t size, struct iqm_arena *arena)
{
    struct iqm_problem problem;
    iqm_problem_init(&problem, arena);
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *value = json_loadb((const char *)data, size, flags, NULL);
    if (value == NULL)
        return;
    int result =
        iqm_contract_validate(&tiny_contract, TINY_RESOURCE_BOX->schema, value, "", true, &problem);
    json_decref(value);
    check_problem(&problem, result);
}

static void validate_parameters(const uint8_t *data, size_t size, struct iqm_arena *arena)
{
    const struct iqm_operation *operation = &tiny_contract.operations[0];
    struct iqm_slice text = {(const char *)data, size};
    for (size_t i = 0; i < operation->parameter_count; i++) {
        struct iqm_problem problem;
        iqm_problem_init(&problem, arena);
        check_problem(&problem, iqm_contract_validate_parameter(
                                    &tiny_contract, &operation->parameters[i], text, &problem));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (iqm_contract_open(&tiny_contract) != 0)
        abort();
    struct iqm_arena *arena = iqm_arena_new((size_t)1 << 22);
    validate_body(data, size, arena);
    validate_parameters(data, size, arena);
    iqm_arena_free(arena);
    return 0;
}
