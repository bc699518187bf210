/* What is entered in the ledger, and what of it is certified: all but whom it was about and who had
 * been given the data. */
#include "iqm/erasure.h"
#include "iqm/http.h"
#include "iqm/jws.h"
#include "privacy/stored_json.h"

#include <string.h>

void iqm_erasure_begin(struct iqm_erasure_entry *erasure)
{
    iqm_uuid7(erasure->id);
    iqm_time_now(erasure->erased_at);
}

static json_t *what_was_done(const struct iqm_erasure_entry *erasure, const json_t *detail)
{
    return json_pack("{s:s, s:s*, s:s*, s:s, s:O, s:O}", "reason",
        erasure->rule != NULL ? "retention" : "request", "request_id", erasure->request, "rule",
        erasure->rule, "erased_at", erasure->erased_at, "erased", json_object_get(detail, "erased"),
        "kept", json_object_get(detail, "kept"));
}

static json_t *entry_of(const struct iqm_erasure_entry *erasure, const json_t *detail)
{
    json_t *entry = json_pack("{s:s, s:s}", "id", erasure->id, "person_id", erasure->person);

    if (json_object_update_new(entry, what_was_done(erasure, detail)) != 0 ||
        json_object_set(entry, "recipients", json_object_get(detail, "recipients")) != 0) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}

static json_t *certified(const struct iqm_erasure_entry *erasure, const json_t *detail)
{
    json_t *payload = json_pack("{s:s, s:s}", "iss", iqm_server_url(), "jti", erasure->id);

    if (json_object_update_new(payload, what_was_done(erasure, detail)) != 0) {
        json_decref(payload);
        return NULL;
    }
    return payload;
}

int iqm_erasure_write(struct iqm_arena *arena, const struct iqm_config *config,
    const struct iqm_erasure_entry *erasure, struct iqm_slice detail, const char **ret_entry,
    const char **ret_certificate)
{
    json_t *done = json_loadb(detail.ptr, detail.len, 0, NULL);

    if (done == NULL)
        return IQM_EINVAL;
    const char *entry = stored_json(arena, entry_of(erasure, done));
    const char *payload = stored_json(arena, certified(erasure, done));
    json_decref(done);
    const char *certificate = payload != NULL ? iqm_jws_sign(arena, config->signing_key_bytes,
                                                    (struct iqm_slice){payload, strlen(payload)})
                                              : NULL;
    if (entry == NULL || certificate == NULL)
        return IQM_ENOMEM;
    *ret_entry = entry;
    *ret_certificate = certificate;
    return 0;
}
