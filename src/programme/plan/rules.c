/* The Action Plan and Review of a Centre of Excellence: what a draft, what is handed in and what is
 * reviewed must hold to. Source: the programme's forms ("The action plan should ensure"). */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/ladder/ladder.h"
#include "programme/parts.h"
#include "programme/work.h"

#include <stdio.h>
#include <string.h>

#define TARGETS_MIN 3
#define TARGETS_MAX 4

static const char no_other_level[] =
    "is no award with a plan: a Centre of Excellence has one, a Flagship school a project";

/* Its award has plans and goes on. */
static int check_award(struct iqm_rules *rules, const json_t *award)
{
    const char *status = iqm_rules_text(award, "status");

    if (rules->before != NULL)
        return work_keep(rules, "award_id") | work_keep(rules, "academic_year");
    if (strcmp(iqm_rules_text(award, "level"), LADDER_COE) != 0)
        return iqm_problem_at(rules->problem, "/award_id", "%s", no_other_level);
    if (strcmp(status, "lapsed") == 0 || strcmp(status, "withdrawn") == 0)
        return iqm_problem_at(rules->problem, "/award_id", "is an award that is %s", status);
    return iqm_rules_set_text(rules->document, "school_id", iqm_rules_text(award, "school_id"));
}

/* A year that counts to Flagship has a project in place of a plan. */
static int check_year(struct iqm_rules *rules, const json_t *context)
{
    const char *year = iqm_rules_text(rules->document, "academic_year");
    char march[IQM_DATE_TEXT];

    if (!iqm_calendar_is_academic_year(year))
        return iqm_problem_at(
            rules->problem, "/academic_year", "is not one year and the next, like 2026/27");
    ladder_counting_day(iqm_calendar_first_year(year), march);
    struct ladder then = {.facts = context, .on = march};
    if (rules->before != NULL || !ladder_is_under_contract(&then, LADDER_FLAGSHIP))
        return 0;
    return iqm_problem_at(rules->problem, "/academic_year",
        "is a year as a Flagship school, which has a project in place of a plan");
}

/* Whether a target of the stored plan carries the same on: what stood there may stay. */
static bool was_carried(const struct parts *targets, const json_t *carried)
{
    size_t i;
    const json_t *target;

    json_array_foreach(json_object_get(targets->rules->before, "targets"), i, target)
    {
        if (json_equal(json_object_get(target, "carried_from"), carried) == 1)
            return true;
    }
    return false;
}

/* What is carried on is a target of an earlier plan of the school. */
static int check_carried(const struct parts *targets, size_t index)
{
    const json_t *carried = json_object_get(json_array_get(targets->list, index), "carried_from");
    const json_t *plans = json_object_get(targets->context, "earlier");

    if (!json_is_object(carried) || was_carried(targets, carried))
        return 0;
    const json_t *plan = json_object_get(plans, iqm_rules_text(carried, "plan_id"));
    if (plan == NULL)
        return parts_at(targets, index, "carried_from/plan_id", "is no earlier plan of the school");
    if (json_object_get(plan, iqm_rules_text(carried, "target")) == NULL)
        return parts_at(targets, index, "carried_from/target", "is no target of that plan");
    return 0;
}

static int check_draft(const struct parts *targets)
{
    int error = parts_check(targets);

    for (size_t i = 0; i < json_array_size(targets->list); i++)
        error |= check_carried(targets, i);
    return error != 0 ? IQM_EPROBLEM : 0;
}

/* The first day of the first contract and the last of the last: they follow each other. */
static int contract_days(
    struct iqm_rules *rules, const json_t *award, const char **ret_from, const char **ret_to)
{
    const json_t *contracts = json_object_get(award, "contracts");
    size_t count = json_array_size(contracts);

    if (count == 0)
        return iqm_problem_at(rules->problem, "/award_id",
            "has no contract yet: a plan is handed in once the award is granted");
    *ret_from = iqm_rules_text(json_array_get(contracts, 0), "starts_on");
    *ret_to = iqm_rules_text(json_array_get(contracts, count - 1), "ends_on");
    return 0;
}

/* The plan's year has days under contract. */
static int check_contract_year(struct iqm_rules *rules, const char *from, const char *to)
{
    int year = iqm_calendar_first_year(iqm_rules_text(rules->document, "academic_year"));

    if (from == NULL || (ladder_year_of(from) <= year && ladder_year_of(to) >= year))
        return 0;
    return iqm_problem_at(rules->problem, "/academic_year",
        "is outside the contract, which runs from %s to %s", from, to);
}

static int check_target(const struct parts *targets, size_t index, const char *from, const char *to)
{
    const json_t *target = json_array_get(targets->list, index);
    int error = parts_need(targets, index, "development_plan_reference",
                    "is needed: a target is linked to the School Development Plan") |
                parts_need(targets, index, "next_steps", "is needed: the next steps in detail") |
                parts_need_days(targets, index, from, to, "the contract");

    if (json_array_size(json_object_get(target, "responsible_person_ids")) == 0)
        error |=
            parts_at(targets, index, "responsible_person_ids", "is needed: who is responsible");
    return error;
}

/* What is handed in: three or four targets, each as the programme asks for. */
static int check_submit(const struct parts *targets, const json_t *award)
{
    size_t count = json_array_size(targets->list);
    const char *from = NULL, *to = NULL;
    int error = contract_days(targets->rules, award, &from, &to);

    error |= check_contract_year(targets->rules, from, to);
    if (count < TARGETS_MIN || count > TARGETS_MAX)
        error |= iqm_problem_at(
            targets->rules->problem, "/targets", "must be three or four targets, are %zu", count);
    for (size_t i = 0; i < count; i++)
        error |= check_target(targets, i, from, to);
    return error != 0 ? IQM_EPROBLEM : 0;
}

static int check_review(const struct parts *targets)
{
    int error = 0;

    for (size_t i = 0; i < json_array_size(targets->list); i++)
        error |= parts_need(targets, i, "impact",
            "is needed: the impact that the actions had on inclusive practice");
    return error;
}

/* Whether two targets differ in nothing but what is written after they were agreed. */
static bool same_target(const json_t *a, const json_t *b)
{
    json_t *one = json_copy((json_t *)(uintptr_t)a), *other = json_copy((json_t *)(uintptr_t)b);

    json_object_del(one, "progress");
    json_object_del(one, "impact");
    json_object_del(other, "progress");
    json_object_del(other, "impact");
    bool same = json_equal(one, other) == 1;
    json_decref(one);
    json_decref(other);
    return same;
}

/* What was agreed stays; progress and impact are written. */
static int check_agreed(const struct parts *targets)
{
    const json_t *before = json_object_get(targets->rules->before, "targets");
    int error = 0;

    if (json_array_size(before) != json_array_size(targets->list))
        return iqm_problem_at(
            targets->rules->problem, "/targets", "were agreed: none comes or goes any more");
    for (size_t i = 0; i < json_array_size(targets->list); i++) {
        if (!same_target(json_array_get(before, i), json_array_get(targets->list, i)))
            error = parts_at(
                targets, i, NULL, "was agreed: only progress and impact are written any more");
    }
    return error;
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    static const char *const changeable[] = {"draft", "agreed", NULL};
    static const char *const of_others[] = {"agree", "return", "review", NULL};
    const json_t *award = json_object_get(context, "award");
    struct parts targets = parts_of(rules, context, "targets");
    const char *status = iqm_rules_text(rules->before, "status");
    int error = work_check_status(rules, changeable);

    if (error == 0)
        error = work_check_judge(rules, context, of_others);
    if (error != 0)
        return error;
    error = check_award(rules, award) | check_year(rules, context) | check_draft(&targets);
    if (error == 0 && work_is_step(rules, "submit"))
        error = check_submit(&targets, award);
    if (error == 0 && work_is_step(rules, "review"))
        error = check_review(&targets);
    if (error == 0 && rules->transition == NULL && status != NULL && strcmp(status, "agreed") == 0)
        error = check_agreed(&targets);
    return error != 0 ? IQM_EPROBLEM : 0;
}

int iqm_rules_plan(struct iqm_rules *rules)
{
    return iqm_rules_in_context(rules, "/award_id", check);
}
