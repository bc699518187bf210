/*
 * The form of the page: a person signs in and allows, or does not.
 *   [client, account] → form token → limits → Argon2id in the pool
 *       → key, what is personal sealed → [code and audit] → redirect
 *       → [audit] → the page again
 * Unknown, suspended or wrong: the way and the answer are the same.
 */
#include "sign_in.h"

#include "contract_tables.h"
#include "iqm/services.h"

#include <string.h>

static const char wrong[] = "The e-mail address or the password is not right.";

/* As the database has names. Other letters than those of ASCII are in no address, and stay: what
 * the limits know as two names must not find one account. */
static const char *lower(struct iqm_arena *arena, const char *text)
{
    char *copy = iqm_arena_string(arena, text);

    for (char *p = copy; p != NULL && *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    return copy;
}

static void on_noted(struct iqm_pg_batch *batch)
{
    struct authorization *authorization = batch->user;

    iqm_pg_batch_clear(batch);
    authorization->sign_in->noted(authorization);
}

/* Tells the audit log, and goes on even when it could not be told: the log of requests has it. */
static void note(struct authorization *authorization, const char *outcome,
    void (*noted)(struct authorization *authorization))
{
    struct sign_in *sign_in = authorization->sign_in;
    struct iqm_pg_value *values = sign_in->values;

    values[0].text = sign_in->account;
    values[1].text = authorization->client_name != NULL ? authorization->client : NULL;
    values[2].text = outcome;
    values[3].text = authorization->call->request_id;
    sign_in->noted = noted;
    iqm_pg_batch_clear(&authorization->batch);
    authorization->batch.done = on_noted;
    iqm_pg_batch_add(&authorization->batch, "note_sign_in",
        "SELECT note_sign_in($1::uuid, $2::uuid, $3, $4, 'post_authorization')", values, 4);
    iqm_pg_write(authorization->call->pg, &authorization->batch);
}

static void fail(struct authorization *authorization)
{
    iqm_call_fail(authorization->call);
}

static void ask_again(struct authorization *authorization)
{
    const char *email = form_text(authorization->call, "email");

    consent_show(authorization, 403, wrong, email != NULL ? email : "");
}

static void on_granted(struct iqm_pg_batch *batch)
{
    struct authorization *authorization = batch->user;

    if (batch->error != 0)
        iqm_call_fail_with(authorization->call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    else if (PQgetvalue(batch->results[0], 0, 0)[0] == 't')
        authorization_answer(authorization, authorization->sign_in->code);
    else
        note(authorization, "denied", ask_again);
}

static void grant(struct authorization *authorization)
{
    struct iqm_call *call = authorization->call;
    struct sign_in *sign_in = authorization->sign_in;
    const struct iqm_password_job *job = &sign_in->job;
    struct iqm_pg_value values[] = {hash_value(sign_in->hash), {.text = authorization->client},
        {.text = sign_in->account}, {.text = job->stored},
        {.text = job->rehashed ? job->fresh : NULL}, {.text = authorization->sent_redirect},
        {.text = authorization->challenge}, {.text = authorization->scopes},
        {.text = sign_in->address}, {.text = sign_in->agent}, {.text = call->request_id}};

    _Static_assert(sizeof values == sizeof sign_in->values, "one for each parameter");
    iqm_secret_new(CODE_PREFIX, sign_in->code);
    secret_hash(call, sign_in->code, sign_in->hash);
    memcpy(sign_in->values, values, sizeof values);
    iqm_pg_batch_clear(&authorization->batch);
    authorization->batch.done = on_granted;
    iqm_pg_batch_add(&authorization->batch, "grant_code",
        "SELECT grant_code($1, $2::uuid, $3::uuid, $4, $5, $6, $7, $8::text[], $9, $10, $11)",
        sign_in->values, 11);
    iqm_pg_write(call->pg, &authorization->batch);
}

static void on_compared(struct iqm_call *call)
{
    struct authorization *authorization = call->state;
    struct sign_in *sign_in = authorization->sign_in;

    if (sign_in->job.error != 0) {
        sign_in_forgive(sign_in);
        iqm_call_fail_with(call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
    } else if (!sign_in->job.matches) {
        note(authorization, "failed", ask_again);
    } else if (!sign_in->may) {
        note(authorization, "denied", ask_again);
    } else {
        sign_in_forgive(sign_in);
        sign_in_seal(authorization, grant);
    }
}

/* Who the name belongs to. A password longer than any is compared as nobody's. */
static void take_account(struct authorization *authorization)
{
    struct sign_in *sign_in = authorization->sign_in;
    const PGresult *row = authorization->batch.results[1];
    const char *password = form_text(authorization->call, "password");
    struct iqm_slice typed = {password, password != NULL ? strlen(password) : 0};

    if (PQntuples(row) == 1) {
        sign_in->account = iqm_arena_string(authorization->call->arena, PQgetvalue(row, 0, 0));
        sign_in->may = PQgetvalue(row, 0, 2)[0] == 't';
        sign_in->is_trusted = PQgetvalue(row, 0, 3)[0] == 't';
        snprintf(sign_in->person, sizeof sign_in->person, "%s", PQgetvalue(row, 0, 4));
    }
    if (iqm_password_job_set(&sign_in->job, typed) == 0 && sign_in->account != NULL)
        snprintf(sign_in->job.stored, sizeof sign_in->job.stored, "%s", PQgetvalue(row, 0, 1));
}

static void compare(struct authorization *authorization)
{
    struct iqm_call *call = authorization->call;
    struct sign_in *sign_in = authorization->sign_in;

    take_account(authorization);
    if (sign_in_admit(call, sign_in) != 0) {
        note(authorization, "denied", fail);
        return;
    }
    if (iqm_password_submit(call, &sign_in->job, on_compared) == 0)
        return;
    sign_in_forgive(sign_in);
    iqm_call_fail_with(call, IQM_PROBLEM_SERVICE_UNAVAILABLE);
}

static void decide(struct authorization *authorization)
{
    struct iqm_call *call = authorization->call;
    const char *token = form_text(call, "form_token");
    enum form_token kind = token != NULL ? form_token_check(call, token) : FORM_TOKEN_FOREIGN;
    const char *decision = form_text(call, "decision");

    if (kind == FORM_TOKEN_FOREIGN)
        iqm_call_fail_with(call, IQM_PROBLEM_ACCESS_DENIED);
    else if (kind == FORM_TOKEN_EXPIRED)
        consent_show(authorization, 200,
            "This page had waited for more than ten minutes. Please sign in again.", NULL);
    else if (decision != NULL && strcmp(decision, "allow") == 0)
        compare(authorization);
    else
        authorization_refuse(authorization, "access_denied", "The person did not allow it.");
}

static int begin(struct authorization *authorization)
{
    struct iqm_call *call = authorization->call;
    const struct iqm_services *services = call->services;
    const char *email = form_text(call, "email");
    struct sign_in *sign_in = iqm_arena_alloc(call->arena, sizeof *sign_in);

    if (sign_in == NULL)
        return IQM_ENOMEM;
    authorization->sign_in = sign_in;
    authorization->batch.user = authorization;
    sign_in->name = lower(call->arena, email != NULL ? email : "");
    if (sign_in->name == NULL)
        return IQM_ENOMEM;
    iqm_email_index(services->secrets, (struct iqm_slice){sign_in->name, strlen(sign_in->name)},
        sign_in->index);
    sign_in->values[0].text = sign_in->index;
    sign_in_index_subscriber(call, sign_in);
    sign_in->values[1].text = sign_in->subscriber;
    iqm_pg_batch_add(&authorization->batch, "find_sign_in",
        "SELECT account, password, may, trusted, person FROM find_sign_in($1, $2)", sign_in->values,
        2);
    return 0;
}

void iqm_op_post_authorization(struct iqm_call *call)
{
    struct authorization *authorization = authorization_new(call);

    if (authorization == NULL)
        return;
    if (!iqm_auth_same_origin(call))
        iqm_call_fail_with(call, IQM_PROBLEM_ACCESS_DENIED);
    else if (begin(authorization) != 0)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else if (sign_in_admit_address(call) != 0)
        note(authorization, "denied", fail);
    else
        authorization_look_up(authorization, decide);
}
