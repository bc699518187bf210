/* Fuzz target: any bytes as a request target, for the list of schools, which has most parameters.
 */
#include "contract_tables.h"
#include "http/worker.h"
#include "iqm/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct iqm_config config = {.target_max = 2000};
static const struct iqm_server_options options = {.config = &config, .contract = &iqm_contract};
static struct worker worker = {.options = &options};

static void find_operation(struct request *request)
{
    struct iqm_call *call = &request->call;

    if (iqm_contract_route(
            call->contract, request->path, call->arena, &request->route, call->path_values) != 0)
        iqm_contract_route(call->contract, IQM_SLICE("/v1/schools"), call->arena, &request->route,
            call->path_values);
    call->operation = request->route->operations[IQM_METHOD_GET];
}

static void check_values(const struct iqm_call *call)
{
    for (unsigned i = 0; i < call->operation->parameter_count; i++) {
        struct iqm_slice value = call->parameters[i];
        if (value.ptr != NULL && !iqm_text_is_utf8(value.ptr, value.len))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool open;
    struct iqm_arena *arena = iqm_arena_new(1 << 20);
    struct request request = {.worker = &worker};

    if (!open && iqm_contract_open(&iqm_contract) != 0)
        abort();
    open = true;
    request.call.arena = arena;
    request.call.contract = &iqm_contract;
    request.target = iqm_arena_copy(arena, (const char *)data, size);
    iqm_problem_init(&request.call.problem, arena);
    if (target_split(&request) == 0) {
        find_operation(&request);
        if (request.call.operation != NULL && target_parameters(&request) == 0)
            check_values(&request.call);
    }
    iqm_arena_free(arena);
    return 0;
}
