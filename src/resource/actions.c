/* What create, put, patch and delete ask before a change begins: the preconditions. */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "write.h"

#include <string.h>

static const char *path_id(const struct iqm_call *call)
{
    return call->path_values[0].ptr;
}

static void need_if_match(struct iqm_call *call)
{
    iqm_problem_set(&call->problem, IQM_PROBLEM_PRECONDITION_REQUIRED, NULL);
    iqm_auth_refuse(call);
}

void iqm_resource_create(struct iqm_call *call)
{
    writing_begin(call, WRITING_CREATE, NULL);
}

void iqm_resource_create_as(struct iqm_call *call, const char *id)
{
    writing_begin(call, WRITING_CREATE, id);
}

void iqm_resource_put(struct iqm_call *call)
{
    bool creates = call->if_match.ptr == NULL && call->if_none_match.len == 1 &&
                   call->if_none_match.ptr[0] == '*';

    if (creates)
        iqm_resource_create_as(call, path_id(call));
    else if (call->if_match.ptr == NULL)
        need_if_match(call);
    else
        writing_begin(call, WRITING_REPLACE, path_id(call));
}

void iqm_resource_patch(struct iqm_call *call)
{
    if (call->if_match.ptr == NULL)
        need_if_match(call);
    else
        writing_begin(call, WRITING_PATCH, path_id(call));
}

void iqm_resource_transition(struct iqm_call *call)
{
    if (call->if_match.ptr == NULL)
        need_if_match(call);
    else
        writing_begin(call, WRITING_TRANSITION, path_id(call));
}

void iqm_resource_delete(struct iqm_call *call)
{
    if (call->if_match.ptr == NULL)
        need_if_match(call);
    else
        writing_begin(call, WRITING_DELETE, path_id(call));
}
