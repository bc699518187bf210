/* The secret of an endpoint, made anew each time that it is asked for. */
#include "contract_tables.h"
#include "iqm/services.h"
#include "iqm/webhook.h"
#include "programme/step.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A text of a row as JSON; our own texts need no escape. */
static const char *quoted(struct step *step, const char *text)
{
    return text != NULL ? iqm_arena_printf(step->call->arena, "\"%s\"", text) : "null";
}

static const char *column(const PGresult *rows, int at)
{
    return PQgetisnull(rows, 0, at) == 1 ? NULL : PQgetvalue(rows, 0, at);
}

static const char *describe(struct step *step, const PGresult *rows)
{
    const struct iqm_services *services = step->call->services;
    const uint8_t *key = services->config->token_key_bytes;
    const char *endpoint = step->call->path_values[0].ptr;
    char secret[IQM_WEBHOOK_SECRET_TEXT], former[IQM_WEBHOOK_SECRET_TEXT];
    int64_t generation = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
    const char *rotated_at = column(rows, 1), *until = column(rows, 2);

    iqm_webhook_secret(key, endpoint, generation, secret);
    iqm_webhook_secret(key, endpoint, generation - 1, former);
    const char *text = iqm_arena_printf(step->call->arena,
        "{\"secret\":\"%s\",\"rotated_at\":%s,\"former_secret\":%s,\"former_until\":%s}", secret,
        quoted(step, rotated_at), quoted(step, until != NULL ? former : NULL), quoted(step, until));
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(former, sizeof former);
    return text;
}

static void found(struct step *step, const PGresult *rows)
{
    if (PQntuples(rows) == 0) {
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    const char *text = describe(step, rows);
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(step->call, 200, "application/json", text, strlen(text));
}

void iqm_op_get_webhook_secret(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read_asked(step, call->operation->statement, found);
}

static void rotated(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "made"))
        iqm_call_reply(step->call, 200, "application/json", PQgetvalue(rows, 0, 1),
            (size_t)PQgetlength(rows, 0, 1));
    else if (step_says(rows, "former"))
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "The secret was changed in the last 24 hours, and the one before it is still used. "
            "Change "
            "it again after former_until; if both are known to others, make another endpoint.");
    else
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
}

void iqm_op_rotate_webhook_secret(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, rotated);
}
