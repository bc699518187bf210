/* What a client library wants to know of this server before anything else (RFC 8414). */
#include "contract_tables.h"
#include "iqm/call.h"
#include "iqm/http.h"

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

void iqm_op_get_authorization_server_metadata(struct iqm_call *call)
{
    const char *url = iqm_server_url();
    const char *scopes = scope_list(call);
    const char *text = scopes == NULL
                           ? NULL
                           : iqm_arena_printf(call->arena, form, url, url, url, url, url, scopes);

    if (text == NULL)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply_hashed(call, "application/json", text, strlen(text));
}
