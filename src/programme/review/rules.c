/* The annual visit: whom it judges and who may, what a report holds, and what signing it off does.
 */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/ladder/ladder.h"
#include "programme/review/outcome.h"

#include <stdio.h>
#include <string.h>

static bool is_step(const struct iqm_rules *rules, const char *name)
{
    return rules->transition != NULL && strcmp(rules->transition, name) == 0;
}

static bool is(const json_t *object, const char *member, const char *text)
{
    const char *value = iqm_rules_text(object, member);

    return value != NULL && strcmp(value, text) == 0;
}

/* The school and the academic year follow from the award and the day. */
static int derive(struct iqm_rules *rules, const json_t *award)
{
    const char *school = iqm_rules_text(award, "school_id");
    char year[IQM_ACADEMIC_YEAR_TEXT];
    int error = 0;

    if (is_step(rules, "visit") && !iqm_rules_text(rules->document, "visited_on"))
        error = iqm_rules_set_text(rules->document, "visited_on", rules->happened_on);
    const char *day = iqm_rules_text(rules->document, "visited_on");
    if (day == NULL)
        day = iqm_rules_text(rules->document, "scheduled_on");
    iqm_calendar_academic_year(day, year);
    if (error == 0)
        error = iqm_rules_set_text(rules->document, "academic_year", year);
    if (error == 0 && rules->before == NULL)
        error = iqm_rules_set_text(rules->document, "school_id", school);
    return error;
}

static int check_visited_on(struct iqm_rules *rules, const json_t *award)
{
    const char *applied = iqm_rules_text(award, "applied_on");
    const char *day = iqm_rules_text(rules->document, "visited_on");

    if (day == NULL && is(rules->document, "status", "scheduled"))
        return 0;
    if (day == NULL)
        return iqm_problem_at(rules->problem, "/visited_on", "is needed once the visit took place");
    if (is(rules->document, "status", "scheduled"))
        return iqm_problem_at(
            rules->problem, "/visited_on", "is set by the step that says the visit took place");
    if (strcmp(day, rules->today) > 0)
        return iqm_problem_at(
            rules->problem, "/visited_on", "is in the future; today is %s", rules->today);
    if (strcmp(day, applied) < 0)
        return iqm_problem_at(rules->problem, "/visited_on",
            "is before the award was applied for, which was on %s", applied);
    return 0;
}

/* The judgement of a criterion before the index; json_array_size of all: anywhere. */
static bool is_judged_before(const json_t *judgements, const char *code, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (is(json_array_get(judgements, i), "criterion", code))
            return true;
    }
    return false;
}

static int check_judgement(
    struct iqm_rules *rules, const json_t *criteria, const json_t *judgements, size_t index)
{
    const char *code = iqm_rules_text(json_array_get(judgements, index), "criterion");
    const json_t *criterion = iqm_rules_find(criteria, "code", code);
    const char *sentence = NULL;
    char pointer[60];

    if (criterion == NULL)
        sentence = "is no criterion of the award's framework";
    else if (ladder_by_records(iqm_rules_text(criterion, "rule")))
        sentence = "is decided by records, not by people";
    else if (is_judged_before(judgements, code, index))
        sentence = "is judged before, too";
    if (sentence == NULL)
        return 0;
    snprintf(pointer, sizeof pointer, "/judgements/%zu/criterion", index);
    return iqm_problem_at(rules->problem, pointer, "%s", sentence);
}

static int check_judgements(struct iqm_rules *rules, const json_t *criteria)
{
    const json_t *judgements = json_object_get(rules->document, "judgements");
    int error = 0;

    for (size_t i = 0; i < json_array_size(judgements); i++) {
        if (check_judgement(rules, criteria, judgements, i) != 0)
            error = IQM_EPROBLEM;
    }
    return error;
}

/* An application is decided; an award that was given is carried on or not. */
static int check_outcome(struct iqm_rules *rules, const json_t *award)
{
    const char *outcome = iqm_rules_text(rules->document, "outcome");
    bool applies = is(award, "status", "applied") || is(award, "status", "assessed");

    if (outcome == NULL)
        return 0;
    bool decides = strcmp(outcome, "awarded") == 0 || strcmp(outcome, "not_awarded") == 0;
    if (decides == applies)
        return 0;
    return iqm_problem_at(rules->problem, "/outcome",
        applies ? "is for an award that was given; of an application it is awarded or not_awarded"
                : "is for an application; of an award it is renewed, maintained or deferred");
}

static int need(struct iqm_rules *rules, const char *member)
{
    const char *text = iqm_rules_text(rules->document, member);
    char pointer[60];

    if (text != NULL && text[0] != '\0')
        return 0;
    snprintf(pointer, sizeof pointer, "/%s", member);
    return iqm_problem_at(rules->problem, pointer, "is needed in a report");
}

/* A report is whole, and judges all that people judge. */
static int check_report(struct iqm_rules *rules, const json_t *criteria)
{
    const json_t *judgements = json_object_get(rules->document, "judgements");
    int error = need(rules, "seen") | need(rules, "strengths") | need(rules, "areas_to_develop") |
                need(rules, "outcome");
    size_t i;
    const json_t *criterion;

    json_array_foreach(criteria, i, criterion)
    {
        const char *code = iqm_rules_text(criterion, "code");
        if (!ladder_by_records(iqm_rules_text(criterion, "rule")) &&
            !is_judged_before(judgements, code, json_array_size(judgements)))
            error = iqm_problem_at(
                rules->problem, "/judgements", "lacks a judgement of the criterion %s", code);
    }
    return error != 0 ? IQM_EPROBLEM : 0;
}

/* Nobody reviews a school that they belong to: neither who visits nor who says how it was. */
static int check_conflict(struct iqm_rules *rules, const json_t *context)
{
    /* Who belongs there since is put right once the report is back. */
    bool assessor =
        json_is_true(json_object_get(context, "assessor_belongs")) && !is_step(rules, "return");
    bool actor = json_is_true(json_object_get(context, "actor_belongs"));

    if (!assessor && !actor)
        return 0;
    json_t *records = json_pack(
        "[s+]", "/v1/schools/", iqm_rules_text(json_object_get(context, "award"), "school_id"));
    iqm_problem_rule(rules->problem, "conflict_of_interest", records, "%s",
        assessor ? "The assessor belongs to the school." : "You belong to the school.");
    json_decref(records);
    return iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}

/* What stays, and when nothing is written any more. */
static int check_changes(struct iqm_rules *rules, const json_t *award)
{
    const char *status = iqm_rules_text(rules->before, "status");

    if (rules->before == NULL &&
        (is(award, "status", "lapsed") || is(award, "status", "withdrawn")))
        return iqm_problem_at(
            rules->problem, "/award_id", "is an award that is %s", iqm_rules_text(award, "status"));
    if (rules->before == NULL || rules->transition != NULL)
        return 0;
    if (strcmp(status, "scheduled") != 0 && strcmp(status, "visited") != 0)
        return iqm_problem_set(rules->problem, IQM_PROBLEM_WRONG_STATUS,
            "This review is %s and can no longer be changed.",
            strcmp(status, "reported") == 0 ? "handed in" : "signed off");
    if (!is(rules->document, "award_id", iqm_rules_text(rules->before, "award_id")))
        return iqm_problem_at(rules->problem, "/award_id", "stays as it is");
    return 0;
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    const json_t *award = json_object_get(context, "award");
    const json_t *criteria = json_object_get(context, "criteria");
    int error = check_changes(rules, award);

    if (error == 0)
        error = check_conflict(rules, context);
    if (error == 0)
        error = derive(rules, award);
    if (error != 0 || is_step(rules, "return"))
        return error;
    error = check_visited_on(rules, award) | check_judgements(rules, criteria) |
            check_outcome(rules, award);
    if (error == 0 && is_step(rules, "report"))
        error = check_report(rules, criteria);
    if (error == 0 && is_step(rules, "sign_off"))
        return review_outcome(rules, award, json_object_get(context, "facts"));
    return error != 0 ? IQM_EPROBLEM : 0;
}

int iqm_rules_review(struct iqm_rules *rules)
{
    return iqm_rules_in_context(rules, "/award_id", check);
}
