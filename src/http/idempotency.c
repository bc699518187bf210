/*
 * An Idempotency-Key as it comes with a request: its form, and the hash of what is asked for. The
 * key is a string of RFC 8941 (3.3.3) without parameters; key and body are hashed with the server's
 * key and kept nowhere.
 */
#include "iqm/idempotency.h"

#include "contract_tables.h"
#include "request.h"
#include "worker.h"

#include <sodium.h>
#include <string.h>

int idempotency_key_read(
    struct iqm_slice field, char ret_key[static IQM_IDEMPOTENCY_KEY_MAX + 1], size_t *ret_length)
{
    size_t length = 0;

    if (field.len < 3 || field.ptr[0] != '"' || field.ptr[field.len - 1] != '"')
        return IQM_EINVAL;
    for (size_t i = 1; i < field.len - 1; i++) {
        char c = field.ptr[i];
        if (c == '\\' && i + 1 < field.len - 1) {
            c = field.ptr[++i];
            if (c != '"' && c != '\\')
                return IQM_EINVAL;
        } else if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            return IQM_EINVAL;
        }
        if (length == IQM_IDEMPOTENCY_KEY_MAX)
            return IQM_EINVAL;
        ret_key[length++] = c;
    }
    ret_key[length] = '\0';
    *ret_length = length;
    return 0;
}

static const uint8_t *secret_of(const struct request *request)
{
    return request->worker->options->config->token_key_bytes;
}

/* What else is hashed with the secret are tokens, which begin with their prefix. */
static void hash_key(const struct request *request, const char *key, size_t length,
    uint8_t ret_hash[static IQM_IDEMPOTENCY_HASH])
{
    static const char label[] = "Idempotency-Key:";
    crypto_generichash_state state;

    crypto_generichash_init(&state, secret_of(request), IQM_TOKEN_KEY_BYTES, IQM_IDEMPOTENCY_HASH);
    crypto_generichash_update(&state, (const unsigned char *)label, sizeof label - 1);
    crypto_generichash_update(&state, (const unsigned char *)key, length);
    crypto_generichash_final(&state, ret_hash, IQM_IDEMPOTENCY_HASH);
}

/* In the arena, where the library wants it; NULL when memory is out. */
static void *state_new(struct iqm_arena *arena)
{
    const uintptr_t alignment = _Alignof(crypto_generichash_state);
    char *room = iqm_arena_alloc(arena, sizeof(crypto_generichash_state) + alignment);

    return room != NULL ? room + (alignment - (uintptr_t)room % alignment) : NULL;
}

int idempotency_begin(struct request *request)
{
    struct iqm_call *call = &request->call;
    struct iqm_slice field = iqm_call_parameter(call, "Idempotency-Key");
    char key[IQM_IDEMPOTENCY_KEY_MAX + 1];
    size_t length;

    if (field.ptr == NULL) /* the operation does not take one */
        return 0;
    if (idempotency_key_read(field, key, &length) != 0)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    struct iqm_idempotency *one = iqm_arena_alloc(call->arena, sizeof *one);
    request->fingerprint = state_new(call->arena);
    if (one == NULL || request->fingerprint == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    hash_key(request, key, length, one->key);
    crypto_generichash_init(
        request->fingerprint, secret_of(request), IQM_TOKEN_KEY_BYTES, IQM_IDEMPOTENCY_HASH);
    idempotency_take(request, "POST ", strlen("POST "));
    idempotency_take(request, request->target, strlen(request->target));
    idempotency_take(request, "\n", 1);
    call->idempotency = one;
    return 0;
}

void idempotency_take(struct request *request, const char *bytes, size_t len)
{
    crypto_generichash_update(request->fingerprint, (const unsigned char *)bytes, len);
}

void idempotency_end(struct request *request)
{
    struct iqm_idempotency *one = request->call.idempotency;

    if (request->body_length > 0)
        idempotency_take(request, request->body_text, request->body_length);
    crypto_generichash_final(request->fingerprint, one->fingerprint, sizeof one->fingerprint);
    one->ready = true;
}
