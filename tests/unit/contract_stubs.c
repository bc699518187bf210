/* The handlers that the tiny contract names. No test calls them: they are there to link. */
#include "tiny_contract.h"

#include <stdlib.h>

void iqm_resource_list(struct iqm_call *call)
{
    (void)call;
    abort();
}

void iqm_resource_create(struct iqm_call *call)
{
    (void)call;
    abort();
}

void iqm_resource_patch(struct iqm_call *call)
{
    (void)call;
    abort();
}

void iqm_op_get_special_box(struct iqm_call *call)
{
    (void)call;
    abort();
}

void iqm_op_order_special_box(struct iqm_call *call)
{
    (void)call;
    abort();
}

void iqm_op_get_lid(struct iqm_call *call)
{
    (void)call;
    abort();
}

int iqm_rules_box(struct iqm_rules *rules)
{
    (void)rules;
    abort();
}
