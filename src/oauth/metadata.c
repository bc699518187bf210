/* What a client library wants to know of this server before anything else (RFC 8414). */
#include "contract_tables.h"
#include "iqm/call.h"
#include "iqm/http.h"

#include <sodium.h>
#include <string.h>

static const char form[] =
    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/oauth/authorize\","
    "\"token_endpoint\":\"%s/oauth/token\",\"revocation_endpoint\":\"%s/oauth/revoke\","
    "\"introspection_endpoint\":\"%s/oauth/introspect\",\"response_types_supported\":[\"code\"],"
    "\"response_modes_supported\":[\"query\"],\"grant_types_supported\":[\"authorization_code\","
    "\"refresh_token\",\"client_credentials\"],\"code_challenge_methods_supported\":[\"S256\"],"
    "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\","
    "\"none\"],\"revocation_endpoint_auth_methods_supported\":[\"client_secret_basic\","
    "\"client_secret_post\",\"none\"],\"introspection_endpoint_auth_methods_supported\":["
    "\"client_secret_basic\",\"client_secret_post\"],"
    "\"authorization_response_iss_parameter_supported\":true,\"scopes_supported\":[%s]}";

/* Names of scopes need no escape in JSON. */
static const char *scope_list(struct iqm_call *call)
{
    const char *list = "";

    for (size_t i = 0; list != NULL && i < call->contract->scope_count; i++)
        list = iqm_arena_printf(
            call->arena, "%s%s\"%s\"", list, i > 0 ? "," : "", call->contract->scopes[i].name);
    return list;
}

static const char *hash_of(struct iqm_call *call, const char *text)
{
    uint8_t hash[16];
    char *hex = iqm_arena_alloc(call->arena, 2 * sizeof hash + 1);

    if (hex == NULL)
        return NULL;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
    return sodium_bin2hex(hex, 2 * sizeof hash + 1, hash, sizeof hash);
}

void iqm_op_get_authorization_server_metadata(struct iqm_call *call)
{
    const char *url = iqm_server_url();
    const char *scopes = scope_list(call);
    const char *text = scopes == NULL
                           ? NULL
                           : iqm_arena_printf(call->arena, form, url, url, url, url, url, scopes);
    const char *version = text != NULL ? hash_of(call, text) : NULL;

    if (version == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_call_etag(call, version);
    if (call->if_none_match.ptr != NULL && iqm_etag_matches(call->if_none_match, version, true))
        iqm_call_reply(call, 304, NULL, "", 0);
    else
        iqm_call_reply(call, 200, "application/json", text, strlen(text));
}
