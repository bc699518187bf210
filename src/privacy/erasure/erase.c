/*
 * Erasing a person:
 *   [key database answers] → [begin, identify, erase] → certificate → [enter, commit] → [log,
 * destroy] Nothing is erased where a statement fails. Once the transaction is committed the key is
 * destroyed: by this call or, where it is cut off, by the next start or round (keeper.c).
 */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/erasure.h"
#include "iqm/idempotency.h"
#include "iqm/resource.h"
#include "iqm/services.h"
#include "iqm/vault.h"

#include <string.h>

struct erasing {
    struct iqm_call *call;
    struct iqm_pg_borrower borrower;
    struct iqm_pg_session *session; /* lent until the answer */
    struct iqm_pg_batch batch;
    struct iqm_pg_value values[2];
    struct iqm_erasure_entry erasure;
    const char *entry, *certificate;
    struct iqm_vault_destruction destruction;
};

static void release(struct iqm_call *call)
{
    struct erasing *erasing = call->state;

    iqm_pg_batch_clear(&erasing->batch);
}

static void give_back(struct erasing *erasing)
{
    if (erasing->session != NULL)
        iqm_pg_release(erasing->session);
    erasing->session = NULL;
}

static void fail(struct erasing *erasing)
{
    give_back(erasing);
    iqm_auth_fail(erasing->call);
}

static void fail_with(struct erasing *erasing, const struct iqm_problem_type *type)
{
    iqm_problem_set(&erasing->call->problem, type, NULL);
    fail(erasing);
}

static void run(struct erasing *erasing, void (*done)(struct iqm_pg_batch *batch))
{
    erasing->batch.done = done;
    erasing->batch.user = erasing;
    iqm_pg_run(erasing->session, &erasing->batch);
}

/* Whether the batch went through and, where it holds the identity, the caller may do this. */
static bool went_well(struct erasing *erasing, int identity)
{
    struct iqm_call *call = erasing->call;
    const struct iqm_pg_batch *batch = &erasing->batch;
    int error = 0;

    if (identity >= 0 && batch->result_count > (unsigned)identity)
        error = iqm_auth_verdict(call, batch->results[identity]);
    if (error == 0 && batch->error != 0)
        error = iqm_resource_failure(
            call, iqm_contract_resource(call->contract, "erasure"), batch, true);
    if (error != 0)
        fail(erasing);
    return error == 0;
}

static const char *location_of(const struct erasing *erasing)
{
    return iqm_arena_printf(erasing->call->arena, "/v1/erasures/%s", erasing->erasure.id);
}

static void destroyed(struct iqm_vault_destruction *destruction)
{
    struct erasing *erasing = destruction->user;
    struct iqm_call *call = erasing->call;

    if (destruction->error != 0) {
        iqm_call_fail_with(call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
        return;
    }
    iqm_call_header(call, "Location", location_of(erasing));
    iqm_call_reply(call, 201, "application/json", erasing->entry, strlen(erasing->entry));
}

static void committed(struct iqm_pg_batch *batch)
{
    struct erasing *erasing = batch->user;
    struct iqm_call *call = erasing->call;

    if (!went_well(erasing, -1))
        return;
    give_back(erasing);
    erasing->destruction = (struct iqm_vault_destruction){.person = erasing->erasure.person,
        .erasure = erasing->erasure.id,
        .entry = erasing->entry,
        .certificate = erasing->certificate,
        .done = destroyed,
        .user = erasing};
    iqm_vault_destroy(call->vault, &erasing->destruction);
}

static void enter(struct erasing *erasing, struct iqm_slice detail)
{
    const struct iqm_services *services = erasing->call->services;

    iqm_erasure_begin(&erasing->erasure);
    if (iqm_erasure_write(erasing->call->arena, services->config, &erasing->erasure, detail,
            &erasing->entry, &erasing->certificate) != 0) {
        fail_with(erasing, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_pg_batch_clear(&erasing->batch);
    erasing->values[0].text = erasing->entry;
    erasing->values[1].text = erasing->certificate;
    iqm_pg_batch_add(&erasing->batch, "record_erasure", "SELECT record_erasure($1::json, $2)",
        erasing->values, 2);
    iqm_idempotency_keep(erasing->call, &erasing->batch,
        &(struct iqm_answer){.status = 201,
            .location = location_of(erasing),
            .resource = "erasure",
            .id = erasing->erasure.id,
            .version = "1"});
    iqm_pg_batch_add(&erasing->batch, "commit", "COMMIT", NULL, 0);
    run(erasing, committed);
}

/* A hold stands against it: says which. */
static void refuse_for_hold(struct erasing *erasing, const char *hold)
{
    struct iqm_call *call = erasing->call;
    json_t *document = json_loads(hold, 0, NULL);

    iqm_problem_set(&call->problem, IQM_PROBLEM_CONFLICT,
        "A legal hold is in force, %s of %s (/v1/legal-holds/%s): lift it first.",
        iqm_rules_text(document, "kind"), iqm_rules_text(document, "placed_on"),
        iqm_rules_text(document, "id"));
    json_decref(document);
    fail(erasing);
}

static void refuse_request(struct erasing *erasing)
{
    iqm_problem_at(
        &erasing->call->problem, "/request_id", "is no request of this person to be erased");
    fail_with(erasing, IQM_PROBLEM_VALIDATION_FAILED);
}

static void erased(struct iqm_pg_batch *batch)
{
    struct erasing *erasing = batch->user;

    if (!went_well(erasing, 1))
        return;
    const PGresult *row = batch->results[2];
    const char *outcome = PQgetvalue(row, 0, 0);
    if (strcmp(outcome, "erased") == 0)
        enter(erasing, iqm_pg_slice(row, 0, 1));
    else if (strcmp(outcome, "held") == 0)
        refuse_for_hold(erasing, PQgetvalue(row, 0, 1));
    else if (strcmp(outcome, "request") == 0)
        refuse_request(erasing);
    else
        fail_with(erasing, IQM_PROBLEM_NOT_FOUND);
}

static void erase(struct erasing *erasing)
{
    iqm_pg_batch_add(&erasing->batch, "begin", "BEGIN", NULL, 0);
    if (iqm_auth_identify_change(erasing->call, &erasing->batch) != 0) {
        fail(erasing);
        return;
    }
    erasing->values[0].text = erasing->erasure.person;
    erasing->values[1].text = erasing->erasure.request;
    iqm_pg_batch_add(&erasing->batch, "erase_person",
        "SELECT outcome, detail FROM erase_person($1::uuid, $2::uuid)", erasing->values, 2);
    run(erasing, erased);
}

static void granted(struct iqm_pg_borrower *borrower, struct iqm_pg_session *session, int error)
{
    struct erasing *erasing = borrower->user;

    erasing->session = session;
    if (error != 0)
        fail_with(erasing, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else
        erase(erasing);
}

/* Where keys cannot be destroyed now, nothing is begun. */
static void keys_answer(struct iqm_vault_destruction *destruction)
{
    struct erasing *erasing = destruction->user;

    if (destruction->error != 0)
        fail_with(erasing, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else
        iqm_pg_borrow(erasing->call->pg, &erasing->borrower);
}

void iqm_op_erase_person(struct iqm_call *call)
{
    struct erasing *erasing = iqm_arena_alloc(call->arena, sizeof *erasing);

    if (erasing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    erasing->call = call;
    erasing->erasure.person = call->path_values[0].ptr;
    erasing->erasure.request = iqm_rules_text(call->body, "request_id");
    erasing->borrower.granted = granted;
    erasing->borrower.user = erasing;
    call->state = erasing;
    call->release = release;
    erasing->destruction = (struct iqm_vault_destruction){.done = keys_answer, .user = erasing};
    iqm_vault_ping(call->vault, &erasing->destruction);
}
