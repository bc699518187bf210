/* The written update of a project, one for each academic year that it runs in. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/ladder/ladder.h"
#include "programme/work.h"

#include <string.h>

/* A year in which the project runs, as far as its days are known. */
static int check_year(struct iqm_rules *rules, const json_t *project)
{
    const char *year = iqm_rules_text(rules->document, "academic_year");
    const char *from = iqm_rules_text(project, "starts_on");
    const char *to = iqm_rules_text(project, "ends_on");

    if (rules->before != NULL)
        return work_keep(rules, "project_id") | work_keep(rules, "academic_year");
    if (!iqm_calendar_is_academic_year(year))
        return iqm_problem_at(
            rules->problem, "/academic_year", "is not one year and the next, like 2026/27");
    int first = iqm_calendar_first_year(year);
    if ((from != NULL && first < ladder_year_of(from)) ||
        (to != NULL && first > ladder_year_of(to)))
        return iqm_problem_at(
            rules->problem, "/academic_year", "is no year in which the project runs");
    return 0;
}

static int check_submit(struct iqm_rules *rules, const json_t *project)
{
    const char *status = iqm_rules_text(project, "status");
    int error =
        work_need(rules, "progress", "is needed: the progress against the outline") |
        work_need(rules, "impact", "is needed: what it changed") |
        work_need(rules, "next_steps", "is needed: what is carried on, or that all is done");

    if (strcmp(status, "agreed") != 0 && strcmp(status, "completed") != 0)
        error |= iqm_problem_at(
            rules->problem, "/project_id", "is a project that is not agreed yet: it is %s", status);
    return error != 0 ? IQM_EPROBLEM : 0;
}

/* What a completed project or a review that was signed off rests on stays. */
static int check_return(struct iqm_rules *rules, const json_t *context)
{
    const json_t *review = json_object_get(context, "signed_off");
    const json_t *steps = json_object_get(rules->before, "transitions");
    const char *handed_in =
        iqm_rules_text(json_array_get(steps, json_array_size(steps) - 1), "happened_on");
    const char *visited = iqm_rules_text(review, "visited_on");
    json_t *records;

    if (strcmp(iqm_rules_text(json_object_get(context, "project"), "status"), "completed") == 0)
        return iqm_problem_set(rules->problem, IQM_PROBLEM_WRONG_STATUS,
            "The project is completed, and its updates stay as they are.");
    if (visited == NULL || strcmp(handed_in, visited) > 0)
        return 0;
    records = json_pack("[s+]", "/v1/reviews/", iqm_rules_text(review, "id"));
    iqm_problem_rule(rules->problem, "basis_of_a_review", records,
        "The visit of %s was signed off on the basis of this update.", visited);
    json_decref(records);
    return iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    static const char *const changeable[] = {"draft", NULL};
    static const char *const of_others[] = {"return", NULL};
    const json_t *project = json_object_get(context, "project");
    int error = work_check_status(rules, changeable);

    if (error == 0)
        error = work_check_judge(rules, context, of_others);
    if (error == 0 && work_is_step(rules, "return"))
        error = check_return(rules, context);
    if (error == 0)
        error = check_year(rules, project);
    if (error == 0 && work_is_step(rules, "submit"))
        error = check_submit(rules, project);
    if (error != 0)
        return IQM_EPROBLEM;
    json_t *school = json_object_get(project, "school_id");
    return rules->before != NULL || json_object_set(rules->document, "school_id", school) == 0
               ? 0
               : IQM_ENOMEM;
}

int iqm_rules_project_update(struct iqm_rules *rules)
{
    return iqm_rules_in_context(rules, "/project_id", check);
}
