/* A meeting belongs to a cluster when it is the cluster's own; its term follows from its day. */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"

#include <string.h>

/*
 * The last term that has begun: days between two terms count to the one before, as a meeting on the
 * first day of a holiday does. Before the first term begins it is autumn already.
 */
static const char *term_from_dates(const json_t *dates, const char *held_on)
{
    static const char *const terms[] = {"summer", "spring"};

    for (size_t i = 0; i < IQM_LENGTH(terms); i++) {
        const char *starts = iqm_rules_text(json_object_get(dates, terms[i]), "starts_on");
        if (starts != NULL && strcmp(held_on, starts) >= 0)
            return terms[i];
    }
    return "autumn";
}

static const char *term_of(const char *held_on, const char *context)
{
    json_t *dates = context != NULL ? json_loads(context, 0, NULL) : NULL;
    const char *term =
        dates != NULL ? term_from_dates(dates, held_on) : iqm_calendar_fallback_term(held_on);

    json_decref(dates);
    return term;
}

/* A meeting belongs to its cluster, or to its host; one of neither is head office's alone. */
static int check_belonging(struct iqm_rules *rules)
{
    if (iqm_rules_text(rules->document, "cluster_id") != NULL)
        return 0;
    if (strcmp(iqm_rules_text(rules->document, "kind"), "cluster") == 0)
        return iqm_problem_at(
            rules->problem, "/cluster_id", "is required for a meeting of kind cluster");
    if (iqm_rules_text(rules->document, "host_school_id") != NULL || rules->roles == NULL ||
        iqm_roles_have(rules->roles, "head_office"))
        return 0;
    return iqm_problem_at(rules->problem, "/host_school_id",
        "is needed where there is no cluster_id, unless head office writes the meeting");
}

int iqm_rules_meeting(struct iqm_rules *rules)
{
    const char *held_on = iqm_rules_text(rules->document, "held_on");
    char academic_year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(held_on, academic_year);
    if (json_object_set_new(rules->document, "academic_year", json_string(academic_year)) != 0 ||
        json_object_set_new(
            rules->document, "term", json_string(term_of(held_on, rules->context))) != 0)
        return IQM_ENOMEM;
    return check_belonging(rules);
}
