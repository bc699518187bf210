/* Scripts and style sheets of the reference, at addresses that change with their bytes. */
#include "contract_tables.h"
#include "docs/docs.h"
#include "iqm/call.h"

#include <string.h>

static const struct docs_asset *find_asset(const struct iqm_call *call)
{
    struct iqm_slice release = iqm_call_parameter(call, "release");
    struct iqm_slice name = iqm_call_parameter(call, "asset");

    if (!iqm_slice_equal_string(release, docs_release))
        return NULL;
    for (const struct docs_asset *asset = docs_assets; asset->name != NULL; asset++) {
        if (iqm_slice_equal_string(name, asset->name))
            return asset;
    }
    return NULL;
}

void iqm_op_get_reference_asset(struct iqm_call *call)
{
    const struct docs_asset *asset = find_asset(call);

    if (asset == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    iqm_call_etag(call, docs_release);
    if (call->if_none_match.ptr != NULL &&
        iqm_etag_matches(call->if_none_match, docs_release, true))
        iqm_call_reply(call, 304, NULL, "", 0);
    else
        iqm_call_reply_packed(call, asset->media_type, asset->plain, asset->packed);
}
