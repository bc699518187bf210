/* The certificate of an erasure, and the key that certificates are signed with. */
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

void iqm_op_get_signing_keys(struct iqm_call *call)
{
    const struct iqm_services *services = call->services;
    uint8_t key[IQM_KEY_BYTES];
    char x[IQM_JWK_TEXT], id[IQM_JWK_TEXT];

    iqm_jws_public_key(services->config->signing_key_bytes, key);
    iqm_jws_key_text(key, x);
    iqm_jws_key_id(key, id);
    const char *text = iqm_arena_printf(call->arena,
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
        "\"kid\":\"%s\",\"x\":\"%s\"}]}",
        id, x);
    if (text == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply_hashed(call, "application/json", text, strlen(text));
}
