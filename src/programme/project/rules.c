/* The research project of a Flagship school: what a draft, what is handed in and what is complete
 * must hold to. Source: the programme's forms. The number of words is the contract's to check. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/ladder/ladder.h"
#include "programme/parts.h"
#include "programme/work.h"

#include <string.h>

/* Academic years that a project runs across, at most. */
#define YEARS_MAX 3

static int check_award(struct iqm_rules *rules, const json_t *award)
{
    const char *status = iqm_rules_text(award, "status");

    if (rules->before != NULL)
        return work_keep(rules, "award_id");
    if (strcmp(iqm_rules_text(award, "level"), LADDER_FLAGSHIP) != 0)
        return iqm_problem_at(rules->problem, "/award_id",
            "is no Flagship award: a Centre of Excellence has plans in place of a project");
    if (strcmp(status, "lapsed") == 0 || strcmp(status, "withdrawn") == 0)
        return iqm_problem_at(rules->problem, "/award_id", "is an award that is %s", status);
    return iqm_rules_set_text(rules->document, "school_id", iqm_rules_text(award, "school_id"));
}

/* In order, and at most three academic years. */
static int check_days(struct iqm_rules *rules)
{
    const char *from = iqm_rules_text(rules->document, "starts_on");
    const char *to = iqm_rules_text(rules->document, "ends_on");

    if (from == NULL || to == NULL)
        return 0;
    if (strcmp(from, to) > 0)
        return iqm_problem_at(rules->problem, "/ends_on", "is before starts_on");
    if (ladder_year_of(to) - ladder_year_of(from) >= YEARS_MAX)
        return iqm_problem_at(rules->problem, "/ends_on",
            "makes it more than three academic years, which a project runs across at most");
    return 0;
}

static int check_step(const struct parts *steps, size_t index, const char *from, const char *to)
{
    const json_t *step = json_array_get(steps->list, index);
    int error = parts_need_days(steps, index, to != NULL ? from : NULL, to, "the project");

    if (json_array_size(json_object_get(step, "responsible_person_ids")) == 0 &&
        json_array_size(json_object_get(step, "responsible_groups")) == 0)
        error |= parts_at(steps, index, "responsible_person_ids",
            "is needed, or responsible_groups: who is responsible");
    return error;
}

/* What is handed in: the outline, and steps with people or groups responsible and a timeline. */
static int check_submit(const struct parts *steps)
{
    struct iqm_rules *rules = steps->rules;
    const char *from = iqm_rules_text(rules->document, "starts_on");
    const char *to = iqm_rules_text(rules->document, "ends_on");
    int error = work_need(rules, "outline", "is needed: what the project is about") |
                work_need(rules, "starts_on", "is needed: the timeline") |
                work_need(rules, "ends_on", "is needed: the timeline");

    if (json_array_size(steps->list) == 0)
        error |= iqm_problem_at(rules->problem, "/steps", "must have at least 1 step, has 0");
    for (size_t i = 0; i < json_array_size(steps->list); i++)
        error |= check_step(steps, i, from, to);
    return error != 0 ? IQM_EPROBLEM : 0;
}

/* Each year that it ran in has an update, handed in. */
static int check_complete(struct iqm_rules *rules, const json_t *context)
{
    const json_t *updates = json_object_get(context, "updates");
    const char *last = iqm_rules_text(rules->document, "ends_on");
    json_t *records = json_pack("[s+]", "/v1/projects/", iqm_rules_text(rules->document, "id"));
    int error = 0;

    if (strcmp(rules->happened_on, last) < 0)
        last = rules->happened_on;
    for (int year = ladder_year_of(iqm_rules_text(rules->document, "starts_on"));
         year <= ladder_year_of(last); year++) {
        char name[IQM_ACADEMIC_YEAR_TEXT];
        ladder_year_text(year, name);
        const char *status = iqm_rules_text(updates, name);
        if (status == NULL || strcmp(status, "submitted") != 0)
            error = iqm_problem_rule(rules->problem, "project_update_each_year", records,
                "There is no update of %s that was handed in.", name);
    }
    json_decref(records);
    return error != 0 ? iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL) : 0;
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    static const char *const changeable[] = {"draft", NULL};
    static const char *const of_others[] = {"agree", "return", "complete", NULL};
    struct parts steps = parts_of(rules, context, "steps");
    int error = work_check_status(rules, changeable);

    if (error == 0)
        error = work_check_judge(rules, context, of_others);
    if (error != 0)
        return error;
    error = check_award(rules, json_object_get(context, "award")) | check_days(rules) |
            parts_check(&steps);
    if (error == 0 && work_is_step(rules, "submit"))
        error = check_submit(&steps);
    if (error == 0 && work_is_step(rules, "complete"))
        error = check_complete(rules, context);
    return error != 0 ? IQM_EPROBLEM : 0;
}

int iqm_rules_project(struct iqm_rules *rules)
{
    return iqm_rules_in_context(rules, "/award_id", check);
}
