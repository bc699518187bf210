/* What operations that are not generic have in common: a statement, its verdict, the next one. */
#include "programme/step.h"

#include "contract_tables.h"
#include "iqm/idempotency.h"
#include "iqm/limits.h"
#include "iqm/recipients.h"
#include "iqm/resource.h"
#include "iqm/services.h"

#include <string.h>

static void release(struct iqm_call *call)
{
    struct step *step = call->state;

    iqm_pg_batch_clear(&step->batch);
}

struct step *step_new(struct iqm_call *call)
{
    struct step *step = iqm_arena_alloc(call->arena, sizeof *step);

    if (step == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return NULL;
    }
    step->call = call;
    call->state = step;
    call->release = release;
    return step;
}

struct step *step_new_of_form(struct iqm_call *call)
{
    if (iqm_limits_admit_form(call) == 0)
        return step_new(call);
    iqm_call_fail(call);
    return NULL;
}

void step_hash(struct step *step, unsigned value, struct iqm_slice secret)
{
    const struct iqm_services *services = step->call->services;

    iqm_token_hash(services->config->token_key_bytes, secret, step->hash);
    step->values[value] = (struct iqm_pg_value){
        .text = (const char *)step->hash, .length = sizeof step->hash, .binary = true};
}

struct step *step_new_with_secret(struct iqm_call *call, const char *prefix)
{
    struct step *step = step_new(call);
    char *secret = iqm_arena_alloc(call->arena, IQM_TOKEN_TEXT);

    if (step == NULL)
        return NULL;
    if (secret == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return NULL;
    }
    iqm_secret_new(prefix, secret);
    step->user = secret;
    step->values[0].text = call->path_values[0].ptr;
    step_hash(step, 1, (struct iqm_slice){secret, strlen(secret)});
    return step;
}

/* Classes of SQLSTATE that another try may get over (PostgreSQL 15, Appendix A). */
static bool may_pass(const struct iqm_pg_batch *batch)
{
    static const char *const classes[] = {"25", "26", "40", "53", "55", "57"};

    if (batch->error != IQM_EPG)
        return true;
    for (size_t i = 0; i < IQM_LENGTH(classes); i++) {
        if (strncmp(iqm_pg_sqlstate(batch), classes[i], 2) == 0)
            return true;
    }
    return false;
}

/* The verdict comes before the error: who may not do this sees only that. */
static void done(struct iqm_pg_batch *batch)
{
    struct step *step = batch->user;
    struct iqm_call *call = step->call;
    unsigned identities = call->operation->is_public && step->opener == NULL ? 0 : 1;
    int error = 0;

    if (batch->result_count > 0 && !call->operation->is_public)
        error = iqm_auth_verdict(call, batch->results[0]);
    if (error == 0)
        error = iqm_idempotency_refusal(call, batch);
    if (error == 0 && batch->error != 0)
        error = iqm_problem_set(&call->problem,
            may_pass(batch) ? IQM_PROBLEM_SERVICE_UNAVAILABLE : IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (error != 0 && step->failed != NULL)
        step->failed(step);
    else if (error != 0)
        iqm_auth_fail(call);
    else
        step->next(step, batch->result_count > identities ? batch->results[identities] : NULL);
}

static bool prepare(struct step *step, const struct iqm_statement *statement, bool changes,
    void (*next)(struct step *step, const PGresult *rows))
{
    struct iqm_call *call = step->call;
    int error = 0;

    iqm_pg_batch_clear(&step->batch);
    step->next = next;
    step->batch.done = done;
    step->batch.user = step;
    if (!call->operation->is_public)
        error = changes ? iqm_auth_identify_change(call, &step->batch)
                        : iqm_auth_identify(call, &step->batch);
    if (error != 0) {
        if (step->failed != NULL)
            step->failed(step);
        else
            iqm_call_fail(call);
        return false;
    }
    if (step->opener != NULL)
        iqm_pg_batch_add(&step->batch, step->opener->name, step->opener->sql, step->values,
            step->opener->parameter_count);
    if (statement != NULL)
        iqm_pg_batch_add(&step->batch, statement->name, statement->sql, step->values,
            statement->parameter_count);
    return true;
}

void step_identify(struct step *step, void (*next)(struct step *step, const PGresult *rows))
{
    if (prepare(step, NULL, false, next))
        iqm_pg_read(step->call->pg, &step->batch);
}

void step_read(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows))
{
    if (prepare(step, statement, false, next))
        iqm_pg_read(step->call->pg, &step->batch);
}

/* For the parameters of that name, with which a statement keeps the answer of what it does. */
static void take_idempotency(struct step *step, const struct iqm_statement *statement)
{
    if (step->call->idempotency == NULL)
        return;
    for (uint16_t i = 0; i < statement->parameter_count; i++) {
        if (strcmp(statement->parameters[i], "idempotency_key") == 0)
            step->values[i] = iqm_idempotency_key(step->call);
        else if (strcmp(statement->parameters[i], "fingerprint") == 0)
            step->values[i] = iqm_idempotency_fingerprint(step->call);
    }
}

void step_change(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows))
{
    take_idempotency(step, statement);
    if (!prepare(step, statement, true, next))
        return;
    step->batch.together = step->batch.together && !step->is_alone;
    iqm_pg_write(step->call->pg, &step->batch);
}

/* Which parameter of the path this is; -1: none. */
static int place_in_path(const char *path, const char *name)
{
    size_t length = strlen(name);
    int place = 0;

    for (const char *brace = strchr(path, '{'); brace != NULL; brace = strchr(brace + 1, '{')) {
        if (strncmp(brace + 1, name, length) == 0 && brace[1 + length] == '}')
            return place;
        place++;
    }
    return -1;
}

static void take_asked(struct step *step, const struct iqm_statement *statement)
{
    const struct iqm_call *call = step->call;

    for (uint16_t i = 0; i < statement->parameter_count; i++) {
        const char *name = statement->parameters[i];
        int place = place_in_path(call->operation->path, name);
        const char *asked =
            place >= 0 ? call->path_values[place].ptr : iqm_call_parameter(call, name).ptr;
        if (asked != NULL)
            step->values[i].text = asked;
    }
}

void step_read_asked(struct step *step, const struct iqm_statement *statement,
    void (*next)(struct step *step, const PGresult *rows))
{
    take_asked(step, statement);
    step_read(step, statement, next);
}

void step_report_asked(struct step *step, void (*next)(struct step *step, const PGresult *rows))
{
    take_asked(step, step->call->operation->statement);
    if (prepare(step, step->call->operation->statement, false, next))
        iqm_pg_report(step->call->pg, &step->batch);
}

static void people_opened(struct iqm_vault_opening *opening)
{
    struct step *step = opening->user;

    int error = opening->error;

    if (error == 0)
        error = iqm_recipients_note(step->call, opening);
    if (error == 0) {
        step->opened(step, opening->opened);
        return;
    }
    iqm_resource_sealed(step->call, error);
    if (step->failed != NULL)
        step->failed(step);
    else
        iqm_call_fail(step->call);
}

void step_open_people(struct step *step, const struct iqm_slice *stored, size_t count,
    void (*next)(struct step *step, const struct iqm_slice *documents))
{
    step->opened = next;
    step->opening =
        (struct iqm_vault_opening){.resource = iqm_contract_resource(&iqm_contract, "person"),
            .stored = stored,
            .count = count,
            .done = people_opened,
            .user = step};
    iqm_vault_open(step->call->vault, step->call->arena, &step->opening);
}

bool step_shows(struct step *step, const PGresult *rows, int column)
{
    struct iqm_call *call = step->call;

    if (PQntuples(rows) == 0) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return false;
    }
    if (PQgetisnull(rows, 0, column) == 1) {
        call->denied = true;
        iqm_problem_set(&call->problem, IQM_PROBLEM_FORBIDDEN, NULL);
        iqm_auth_fail(call);
        return false;
    }
    return true;
}

void step_answer_document(struct step *step, const PGresult *rows)
{
    if (step_shows(step, rows, 0))
        iqm_call_reply(step->call, 200, "application/json", PQgetvalue(rows, 0, 0),
            (size_t)PQgetlength(rows, 0, 0));
}

bool step_says(const PGresult *rows, const char *text)
{
    return PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), text) == 0;
}

void step_fail(struct step *step, const struct iqm_problem_type *type, const char *sentence)
{
    if (sentence != NULL)
        iqm_problem_set(&step->call->problem, type, "%s", sentence);
    else
        iqm_problem_set(&step->call->problem, type, NULL);
    iqm_call_fail(step->call);
}
