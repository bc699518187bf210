/* The server's own operations: its contract, and whether it is alive and ready. */
#include "contract_tables.h"
#include "iqm/call.h"
#include "iqm/http.h"
#include "iqm/migrations.h"
#include "iqm/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ok[] = "{\"status\":\"ok\"}";

/* The contract changes with the binary only. */
void iqm_op_get_openapi_json(struct iqm_call *call)
{
    struct iqm_slice json = call->contract->json;

    iqm_call_reply_hashed(call, "application/json", json.ptr, json.len);
}

void iqm_op_get_openapi_yaml(struct iqm_call *call)
{
    struct iqm_slice yaml = call->contract->yaml;

    iqm_call_reply_hashed(call, "application/yaml", yaml.ptr, yaml.len);
}

void iqm_op_get_healthz(struct iqm_call *call)
{
    iqm_call_reply(call, 200, "application/json", ok, strlen(ok));
}

struct readiness {
    struct iqm_call *call;
    struct iqm_pg_batch batch;
};

static void readiness_known(struct iqm_pg_batch *batch)
{
    struct readiness *readiness = batch->user;
    struct iqm_call *call = readiness->call;
    bool answers = batch->error == 0 && PQntuples(batch->results[0]) == 1;
    /* Migrations add: a server goes on while the database is made ready for the next one. */
    bool fits = answers &&
                atoi(PQgetvalue(batch->results[0], 0, 0)) >= iqm_migrations_newest(iqm_migrations);

    iqm_pg_batch_clear(batch);
    if (fits) {
        iqm_call_reply(call, 200, "application/json", ok, strlen(ok));
        return;
    }
    iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE,
        answers ? "The database does not have the schema this server needs: migrate it."
                : "The database does not answer.");
    iqm_call_fail(call);
}

void iqm_op_get_readyz(struct iqm_call *call)
{
    struct readiness *readiness = iqm_arena_alloc(call->arena, sizeof *readiness);

    if (readiness == NULL || iqm_server_is_draining() || !iqm_pg_is_up(call->pg)) {
        iqm_call_fail_with(call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
        return;
    }
    readiness->call = call;
    readiness->batch.done = readiness_known;
    readiness->batch.user = readiness;
    iqm_pg_batch_add(&readiness->batch, "get_readyz", "SELECT max(number) FROM migration", NULL, 0);
    iqm_pg_read(call->pg, &readiness->batch);
}
