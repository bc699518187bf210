/* Making the document that is stored: pure work on JSON, shared by create, put and patch. */
#ifndef IQM_RESOURCE_DOCUMENT_H
#define IQM_RESOURCE_DOCUMENT_H

#include "iqm/resource.h"

/*
 * Refuses read-only members of what was sent that differ from the stored document (`before`, or
 * from `id` alone when it is being created). Records every one. 0 or IQM_EPROBLEM.
 */
int document_check_read_only(struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *sent, const char *id);

/* The row is not the caller's to write: points at the references that may be why. Those are the
 * ones that are changed, or, where none is, all. */
void document_point_at_references(struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *document);

/*
 * The document to store: server's members set, the others in the contract's order, null ones left
 * out. New reference; NULL when memory is out.
 */
json_t *document_build(const struct iqm_call *call, const struct iqm_resource *resource,
    const json_t *before, const json_t *wanted, const char *id);

/* Runs the contract's checks of rules->document and then the resource's own rules. The caller has
 * set what the rules see; arena, roles and problem are the call's. 0 or IQM_EPROBLEM. */
int document_check(
    struct iqm_call *call, const struct iqm_resource *resource, struct iqm_rules *rules);

/* Whether two documents say the same apart from version and updated_at. */
bool document_same(const json_t *a, const json_t *b);

#endif
