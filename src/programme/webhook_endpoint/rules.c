/* An endpoint is a public address; what it is told of exists; and why it is paused, the server
 * says.
 */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "iqm/webhook.h"

#include <stdio.h>
#include <string.h>

static int check_url(struct iqm_rules *rules)
{
    const char *fault = iqm_webhook_url_fault(iqm_rules_text(rules->document, "url"));

    return fault != NULL ? iqm_problem_at(rules->problem, "/url", "%s", fault) : 0;
}

/* What stands before the dot, among the kinds that the context names. */
static bool is_known(const json_t *kinds, const char *type)
{
    const char *dot = strchr(type, '.');

    return dot == NULL || json_object_getn(kinds, type, (size_t)(dot - type)) != NULL;
}

static int check_types(struct iqm_rules *rules, const json_t *kinds)
{
    size_t i;
    const json_t *type;
    int error = 0;

    json_array_foreach(json_object_get(rules->document, "event_types"), i, type)
    {
        char pointer[40];
        if (is_known(kinds, json_string_value(type)))
            continue;
        snprintf(pointer, sizeof pointer, "/event_types/%zu", i);
        error =
            iqm_problem_at(rules->problem, pointer, "names a kind of records that is not told of");
    }
    return error;
}

/* A pause of the server's own keeps its reason until somebody ends it. */
static int set_status(struct iqm_rules *rules)
{
    const char *before = rules->before != NULL ? iqm_rules_text(rules->before, "status") : NULL;
    const char *status = iqm_rules_text(rules->document, "status");

    if (status == NULL)
        status = before != NULL ? before : "active";
    bool is_paused = strcmp(status, "paused") == 0;
    bool was_paused = before != NULL && strcmp(before, "paused") == 0;
    if (iqm_rules_set_text(rules->document, "status", status) != 0)
        return IQM_ENOMEM;
    if (!is_paused) {
        json_object_del(rules->document, "paused_reason");
        return 0;
    }
    const char *reason = was_paused ? iqm_rules_text(rules->before, "paused_reason") : NULL;
    return iqm_rules_set_text(
        rules->document, "paused_reason", reason != NULL ? reason : "requested");
}

int iqm_rules_webhook_endpoint(struct iqm_rules *rules)
{
    int error = check_url(rules) | iqm_rules_in_context(rules, "/url", check_types);

    return error != 0 ? IQM_EPROBLEM : set_status(rules);
}
