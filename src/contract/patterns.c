/*
 * Compiles the contract's patterns once, before threads start; afterwards they are only read. The
 * limits bound what a hostile text can cost. Must not be opened or closed while threads match.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "patterns.h"

#include <pcre2.h>
#include <stdlib.h>

#define CONTRACTS_MAX 4
#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024

struct opened {
    const struct iqm_contract *contract;
    pcre2_code **codes;
    pcre2_match_context *limits;
};

/* Written by open and close only. */
static struct opened opened_contracts[CONTRACTS_MAX];

static struct opened *find(const struct iqm_contract *contract)
{
    for (size_t i = 0; i < CONTRACTS_MAX; i++)
        if (opened_contracts[i].contract == contract)
            return &opened_contracts[i];
    return NULL;
}

static int compile(pcre2_code **ret_code, const char *pattern)
{
    /* "$" must not match before a last newline: in ECMA-262 it does not. */
    uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    int error;
    size_t offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &offset, NULL);
    if (code == NULL)
        return IQM_EINVAL;
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where there is none, it is interpreted */
    *ret_code = code;
    return 0;
}

static int compile_all(struct opened *place)
{
    const struct iqm_contract *contract = place->contract;
    place->limits = pcre2_match_context_create(NULL);
    place->codes = calloc(contract->pattern_count + 1, sizeof(pcre2_code *));
    if (place->limits == NULL || place->codes == NULL)
        return IQM_ENOMEM;
    pcre2_set_match_limit(place->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(place->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(place->limits, HEAP_LIMIT_KIB);
    for (size_t i = 0; i < contract->schema_count; i++) {
        const struct iqm_schema *schema = &contract->schemas[i];
        if (schema->pattern == NULL || place->codes[schema->pattern_index] != NULL)
            continue;
        int result = compile(&place->codes[schema->pattern_index], schema->pattern);
        if (result != 0)
            return result;
    }
    return 0;
}

int iqm_contract_open(const struct iqm_contract *contract)
{
    if (find(contract) != NULL)
        return 0;
    struct opened *place = find(NULL);
    if (place == NULL)
        return IQM_ELIMIT;
    place->contract = contract;
    int result = compile_all(place);
    if (result != 0)
        iqm_contract_close(contract);
    return result;
}

void iqm_contract_close(const struct iqm_contract *contract)
{
    struct opened *place = contract != NULL ? find(contract) : NULL;
    if (place == NULL)
        return;
    for (size_t i = 0; place->codes != NULL && i < contract->pattern_count; i++)
        pcre2_code_free(place->codes[i]);
    free(place->codes);
    pcre2_match_context_free(place->limits);
    *place = (struct opened){0};
}

bool iqm_patterns_match(const struct iqm_contract *contract, const struct iqm_schema *schema,
    const char *text, size_t len)
{
    const struct opened *place = find(contract);
    if (place == NULL)
        return false;
    const pcre2_code *code = place->codes[schema->pattern_index];
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (data == NULL)
        return false;
    int found = pcre2_match(code, (PCRE2_SPTR)text, len, 0, 0, data, place->limits);
    pcre2_match_data_free(data);
    return found >= 0;
}
