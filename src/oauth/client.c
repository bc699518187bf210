/*
 * Which client calls: by Basic, by id and secret in the form, or by id alone where it is a public
 * one. Only how it says so is judged here. Sources: RFC 6749, 2.3.1; RFC 7617.
 */
#include "oauth.h"

#include "contract_tables.h"
#include "iqm/text.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

static int invalid_client(struct iqm_call *call, const char *sentence)
{
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_CLIENT, "%s", sentence);
}

/* Id and secret are each encoded as in a form, before they are joined. */
static int decode_part(struct iqm_call *call, char *text, const char **ret_text)
{
    struct iqm_slice decoded;

    for (char *p = text; *p != '\0'; p++) {
        if (*p == '+')
            *p = ' ';
    }
    if (iqm_text_percent_decode((struct iqm_slice){text, strlen(text)}, call->arena, &decoded) != 0)
        return IQM_EINVAL;
    *ret_text = decoded.ptr;
    return 0;
}

static int read_basic(struct iqm_call *call, const char **ret_id, const char **ret_secret)
{
    const size_t scheme = strlen("Basic ");
    struct iqm_slice header = call->authorization;

    if (header.len <= scheme || strncasecmp(header.ptr, "Basic ", scheme) != 0)
        return IQM_EINVAL;
    char *text = iqm_arena_alloc(call->arena, header.len);
    size_t length = 0;
    if (text == NULL ||
        sodium_base642bin((unsigned char *)text, header.len - 1, header.ptr + scheme,
            header.len - scheme, " ", &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        strlen(text) != length)
        return IQM_EINVAL;
    char *colon = strchr(text, ':');
    if (colon == NULL)
        return IQM_EINVAL;
    *colon = '\0';
    return decode_part(call, text, ret_id) != 0 || decode_part(call, colon + 1, ret_secret) != 0
               ? IQM_EINVAL
               : 0;
}

static int read_header(struct iqm_call *call, const char **ret_id, const char **ret_secret)
{
    const char *id = form_text(call, "client_id");

    if (form_text(call, "client_secret") != NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_REQUEST,
            "The client authenticates in two ways at once.");
    if (read_basic(call, ret_id, ret_secret) != 0)
        return invalid_client(call, "The Authorization header does not hold Basic credentials.");
    if (id != NULL && strcmp(id, *ret_id) != 0)
        return iqm_problem_set(
            &call->problem, IQM_PROBLEM_INVALID_REQUEST, "The request names two clients.");
    return 0;
}

int client_read(struct iqm_call *call, struct client *ret_client)
{
    const char *id = form_text(call, "client_id");
    const char *secret = form_text(call, "client_secret");

    if (call->authorization.ptr != NULL && read_header(call, &id, &secret) != 0)
        return IQM_EPROBLEM;
    if (id == NULL)
        return invalid_client(call, "The request does not say which client it comes from.");
    if (!iqm_format_matches(IQM_FORMAT_UUID, id, strlen(id)))
        return invalid_client(call, "There is no client with this id and secret.");
    ret_client->id = id;
    ret_client->has_secret = secret != NULL && *secret != '\0';
    if (ret_client->has_secret)
        secret_hash(call, secret, ret_client->secret);
    return 0;
}

void client_bind(const struct client *client, struct iqm_pg_value values[static 2])
{
    values[0] = (struct iqm_pg_value){.text = client->id};
    values[1] = client->has_secret ? hash_value(client->secret) : (struct iqm_pg_value){0};
}

int client_outcome(struct iqm_call *call, const struct iqm_pg_batch *batch)
{
    if (batch->error != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
    const char *outcome = PQgetvalue(batch->results[0], 0, 0);
    if (strcmp(outcome, "done") == 0)
        return 0;
    if (strcmp(outcome, "client") == 0)
        return invalid_client(call, "There is no client with this id and secret.");
    if (strcmp(outcome, "public") == 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_UNAUTHORIZED_CLIENT, NULL);
    if (strcmp(outcome, "scope") == 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_SCOPE, NULL);
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_GRANT, NULL);
}
