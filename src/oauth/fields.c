/* What a client sent and how it is written: fields, scopes, percent-encoding, hashes. */
#include "oauth.h"

#include "iqm/services.h"

#include <string.h>

#define UNRESERVED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

const char *query_text(const struct iqm_call *call, const char *name)
{
    struct iqm_slice value = iqm_call_parameter(call, name);

    return value.ptr != NULL && value.len > 0 ? value.ptr : NULL;
}

const char *form_text(const struct iqm_call *call, const char *name)
{
    const char *value = json_string_value(json_object_get(call->body, name));

    return value != NULL && *value != '\0' ? value : NULL;
}

bool is_unreserved(const char *text, size_t min, size_t max)
{
    size_t length = strlen(text);

    return length >= min && length <= max && strspn(text, UNRESERVED) == length;
}

/* Letters that a query may hold as they are stay: the answer's head must not outgrow its room. */
char *url_encode(struct iqm_arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = iqm_arena_bytes(arena, 3 * strlen(text) + 1);
    char *end = encoded;

    if (encoded == NULL)
        return NULL;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (strchr(UNRESERVED "!*()/:@,;$?", byte) != NULL) {
            *end++ = *text;
            continue;
        }
        *end++ = '%';
        *end++ = digits[byte >> 4];
        *end++ = digits[byte & 15];
    }
    *end = '\0';
    return encoded;
}

static bool stands_in(const char *list, struct iqm_slice word)
{
    for (list += strspn(list, " "); *list != '\0'; list += strspn(list, " ")) {
        size_t length = strcspn(list, " ");
        if (length == word.len && memcmp(list, word.ptr, length) == 0)
            return true;
        list += length;
    }
    return false;
}

/* How many different scopes of the contract are named in a text; IQM_EINVAL when one of them is not
 * allowed. */
static int count_scopes(const struct iqm_call *call, const char *text, const char *allowed)
{
    int count = 0;

    for (size_t i = 0; i < call->contract->scope_count; i++) {
        const char *name = call->contract->scopes[i].name;
        if (!stands_in(text, (struct iqm_slice){name, strlen(name)}))
            continue;
        if (allowed != NULL && !iqm_roles_have(allowed, name))
            return IQM_EINVAL;
        count++;
    }
    return count;
}

static bool is_scope(const struct iqm_contract *contract, struct iqm_slice word)
{
    for (size_t i = 0; i < contract->scope_count; i++) {
        if (iqm_slice_equal_string(word, contract->scopes[i].name))
            return true;
    }
    return false;
}

static bool are_scopes(const struct iqm_contract *contract, const char *text)
{
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        if (!is_scope(contract, (struct iqm_slice){text, length}))
            return false;
        text += length;
    }
    return true;
}

static char *write_array(const struct iqm_call *call, const char *text)
{
    char *array = iqm_arena_alloc(call->arena, strlen(text) + 3);
    char *end = array;

    for (size_t i = 0; array != NULL && i < call->contract->scope_count; i++) {
        const char *name = call->contract->scopes[i].name;
        if (!stands_in(text, (struct iqm_slice){name, strlen(name)}))
            continue;
        *end = end == array ? '{' : ',';
        end = stpcpy(end + 1, name);
    }
    if (array != NULL)
        *end = '}';
    return array;
}

int scopes_read(
    const struct iqm_call *call, const char *text, const char *allowed, const char **ret_array)
{
    if (text == NULL)
        return 0;
    int count = count_scopes(call, text, allowed);
    if (count < 0 || !are_scopes(call->contract, text))
        return IQM_EINVAL;
    if (count == 0)
        return 0;
    char *array = write_array(call, text);
    if (array == NULL)
        return IQM_ENOMEM;
    *ret_array = array;
    return 0;
}

void secret_hash(const struct iqm_call *call, const char *secret, uint8_t *ret_hash)
{
    const struct iqm_services *services = call->services;

    iqm_token_hash(
        services->config->token_key_bytes, (struct iqm_slice){secret, strlen(secret)}, ret_hash);
}

struct iqm_pg_value hash_value(const uint8_t *hash)
{
    return (struct iqm_pg_value){
        .text = (const char *)hash, .length = IQM_TOKEN_HASH, .binary = true};
}
