/* Answers that have no number of their own to tell one version from another: their hash does. */
#include "contract_tables.h"
#include "iqm/call.h"

#include <sodium.h>

const char *iqm_hash_text(struct iqm_arena *arena, const char *bytes, size_t len)
{
    uint8_t hash[16];
    char *text = iqm_arena_alloc(arena, 2 * sizeof hash + 1);

    if (text == NULL)
        return NULL;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)bytes, len, NULL, 0);
    return sodium_bin2hex(text, 2 * sizeof hash + 1, hash, sizeof hash);
}

void iqm_call_reply_hashed(
    struct iqm_call *call, const char *media_type, const char *bytes, size_t len)
{
    const char *version = iqm_hash_text(call->arena, bytes, len);

    if (version == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_call_etag(call, version);
    if (call->if_none_match.ptr != NULL && iqm_etag_matches(call->if_none_match, version, true))
        iqm_call_reply(call, 304, NULL, "", 0);
    else
        iqm_call_reply(call, 200, media_type, bytes, len);
}
