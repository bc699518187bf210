/* Fuzz target: any bytes as Idempotency-Key and as Prefer. A key is taken exactly where the
 * contract's pattern would take it, and is what was put between the quotes. */
#include "contract_tables.h"
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct iqm_parameter *parameter(void)
{
    for (size_t i = 0; i < iqm_contract.operation_count; i++) {
        const struct iqm_operation *operation = &iqm_contract.operations[i];
        for (int j = 0; j < operation->parameter_count; j++) {
            if (strcmp(operation->parameters[j].name, "Idempotency-Key") == 0)
                return &operation->parameters[j];
        }
    }
    abort();
}

static bool contract_takes(struct iqm_slice field)
{
    struct iqm_problem problem;
    struct iqm_arena *arena = iqm_arena_new((size_t)1 << 20);

    iqm_problem_init(&problem, arena);
    bool takes = iqm_contract_validate_parameter(&iqm_contract, parameter(), field, &problem) == 0;
    iqm_arena_free(arena);
    return takes;
}

/* Written again, with what needs it escaped, it is the field. */
static void check_key(struct iqm_slice field, const char *key, size_t length)
{
    size_t at = 1;

    for (size_t i = 0; i < length; i++) {
        if (key[i] == '"' || key[i] == '\\') {
            if (field.ptr[at++] != '\\')
                abort();
        }
        if (field.ptr[at++] != key[i])
            abort();
    }
    if (at + 1 != field.len || length == 0 || length > IQM_IDEMPOTENCY_KEY_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_open;
    struct iqm_slice field = {(const char *)data, size};
    char key[IQM_IDEMPOTENCY_KEY_MAX + 1];
    size_t length = 0;

    if (!is_open && iqm_contract_open(&iqm_contract) != 0)
        abort();
    is_open = true;
    int error = idempotency_key_read(field, key, &length);
    if (error == 0)
        check_key(field, key, length);
    if (memchr(data, '\0', size) == NULL && contract_takes(field) != (error == 0))
        abort();
    prefer_minimal(field);
    return 0;
}
