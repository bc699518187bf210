/* A meeting belongs to a cluster when it is the cluster's own; its year and term follow from its
 * day. */
#include "contract_tables.h"
#include "iqm/auth.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"

#include <string.h>

static bool invites(const json_t *meeting)
{
    return json_array_size(json_object_get(meeting, "invited_school_ids")) > 0;
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

/* The schools of a cluster are all invited to its own meetings. */
static int check_invitations(struct iqm_rules *rules)
{
    if (strcmp(iqm_rules_text(rules->document, "kind"), "cluster") != 0 ||
        !invites(rules->document))
        return 0;
    return iqm_problem_at(rules->problem, "/invited_school_ids",
        "is for meetings of kind additional: the schools of the cluster are all invited");
}

/* Both are HH:MM, which compare in the order of time. */
static int check_times(struct iqm_rules *rules)
{
    const char *start = iqm_rules_text(rules->document, "start_time");
    const char *end = iqm_rules_text(rules->document, "end_time");

    if (end == NULL)
        return 0;
    if (start == NULL)
        return iqm_problem_at(rules->problem, "/end_time", "needs a start_time");
    if (strcmp(end, start) > 0)
        return 0;
    return iqm_problem_at(rules->problem, "/end_time", "must be later than start_time");
}

/* The context is the term: one function of the database derives it, here and when dates change. */
int iqm_rules_meeting(struct iqm_rules *rules)
{
    char academic_year[IQM_ACADEMIC_YEAR_TEXT];

    iqm_calendar_academic_year(iqm_rules_text(rules->document, "held_on"), academic_year);
    if (json_object_set_new(rules->document, "academic_year", json_string(academic_year)) != 0 ||
        json_object_set_new(rules->document, "term", json_string(rules->context)) != 0)
        return IQM_ENOMEM;

    int error = check_belonging(rules);
    if (check_invitations(rules) != 0)
        error = IQM_EPROBLEM;
    return check_times(rules) != 0 ? IQM_EPROBLEM : error;
}
