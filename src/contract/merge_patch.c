/* RFC 7396 merge patch. Shares what it does not change, so a small patch of a large document is
 * cheap. Depth is bounded by the JSON parser. */
#include "iqm/contract.h"

static int merge_member(json_t *merged, json_t *target, const char *key, json_t *patch)
{
    if (json_is_null(patch)) {
        json_object_del(merged, key); /* fails when it was not there, which is as good */
        return 0;
    }
    json_t *value = iqm_merge_patch(json_object_get(target, key), patch);
    return json_object_set_new_nocheck(merged, key, value) == 0 ? 0 : IQM_ENOMEM;
}

json_t *iqm_merge_patch(json_t *target, json_t *patch)
{
    if (!json_is_object(patch))
        return json_incref(patch);
    json_t *merged = json_is_object(target) ? json_copy(target) : json_object();
    if (merged == NULL)
        return NULL;
    const char *key;
    json_t *value;
    json_object_foreach(patch, key, value)
    {
        if (merge_member(merged, target, key, value) != 0) {
            json_decref(merged);
            return NULL;
        }
    }
    return merged;
}
