/* The certificate of an erasure, and the keys that certificates are and were signed with. */
#include "contract_tables.h"
#include "iqm/jws.h"
#include "iqm/services.h"
#include "programme/step.h"

#include <string.h>

static void certificate_read(struct step *step, const PGresult *rows)
{
    if (PQgetisnull(rows, 0, 0) == 1)
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
    else
        iqm_call_reply(step->call, 200, "application/jose", PQgetvalue(rows, 0, 0),
            (size_t)PQgetlength(rows, 0, 0));
}

void iqm_op_get_erasure_certificate(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read_asked(step, call->operation->statement, certificate_read);
}

/* The keys before it, and this one. NULL when memory is out, also for those. */
static const char *with_key(
    struct iqm_arena *arena, const char *before, const uint8_t key[static IQM_KEY_BYTES])
{
    char x[IQM_JWK_TEXT], id[IQM_JWK_TEXT];

    if (before == NULL)
        return NULL;
    iqm_jws_key_text(key, x);
    iqm_jws_key_id(key, id);
    return iqm_arena_printf(arena,
        "%s%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
        "\"kid\":\"%s\",\"x\":\"%s\"}",
        before, *before != '\0' ? "," : "", id, x);
}

void iqm_op_get_signing_keys(struct iqm_call *call)
{
    const struct iqm_services *services = call->services;
    const struct iqm_config *config = services->config;
    uint8_t key[IQM_KEY_BYTES];

    iqm_jws_public_key(config->signing_key_bytes, key);
    const char *keys = with_key(call->arena, "", key);
    for (size_t i = 0; i < config->former_signing_key_count; i++)
        keys = with_key(call->arena, keys, config->former_signing_key_bytes[i]);
    const char *text = keys != NULL ? iqm_arena_printf(call->arena, "{\"keys\":[%s]}", keys) : NULL;
    if (text == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply_hashed(call, "application/json", text, strlen(text));
}
