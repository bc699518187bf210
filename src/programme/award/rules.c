/* An application names a level and the edition it is judged by; contracts follow from the steps. */
#include "contract_tables.h"
#include "iqm/resource.h"
#include "programme/ladder/ladder.h"

#include <string.h>

static int choose_framework(struct iqm_rules *rules, const json_t *context)
{
    const char *level = iqm_rules_text(rules->document, "level");
    const char *framework = iqm_rules_text(rules->document, "framework_id");
    const char *its_level = iqm_rules_text(context, "framework_level");
    const char *newest = iqm_rules_text(context, "framework_id");

    if (framework == NULL && newest == NULL)
        return iqm_problem_at(rules->problem, "/applied_on",
            "is a day on which no framework of this level is in force");
    if (framework == NULL)
        return iqm_rules_set_text(rules->document, "framework_id", newest);
    if (its_level != NULL && strcmp(its_level, level) != 0)
        return iqm_problem_at(
            rules->problem, "/framework_id", "is a framework of another level: %s", its_level);
    return 0;
}

static int check_applied_on(struct iqm_rules *rules)
{
    const char *applied = iqm_rules_text(rules->document, "applied_on");
    const json_t *first = json_array_get(json_object_get(rules->document, "transitions"), 0);

    if (applied == NULL)
        return iqm_rules_set_text(rules->document, "applied_on", rules->today);
    if (strcmp(applied, rules->today) > 0)
        return iqm_problem_at(
            rules->problem, "/applied_on", "is in the future; today is %s", rules->today);
    if (first == NULL || strcmp(applied, iqm_rules_text(first, "happened_on")) <= 0)
        return 0;
    if (rules->transition != NULL)
        return iqm_problem_at(
            rules->problem, "/happened_on", "is before the application, which was on %s", applied);
    return iqm_problem_at(rules->problem, "/applied_on", "is after the first step of the award");
}

/* Whoever goes on after a school was closed applies as what it became. */
static int check_closed(struct iqm_rules *rules, const json_t *context)
{
    const char *closed = iqm_rules_text(context, "closed_on");
    const char *applied = iqm_rules_text(rules->document, "applied_on");

    if (rules->before != NULL || closed == NULL || strcmp(applied, closed) <= 0)
        return 0;
    return iqm_problem_at(rules->problem, "/school_id",
        "is a school that was closed on %s: apply as what it became", closed);
}

/* The level stays, and an award moves only to what its school became. */
static int check_moves(struct iqm_rules *rules, const json_t *context)
{
    const char *school = iqm_rules_text(rules->before, "school_id");
    size_t index;
    const json_t *one;
    bool came_from = false;
    int error = 0;

    if (rules->before == NULL)
        return 0;
    json_array_foreach(json_object_get(context, "lineage"), index, one) came_from =
        came_from || strcmp(json_string_value(one), school) == 0;
    if (!came_from)
        error = iqm_problem_at(
            rules->problem, "/school_id", "is no school that came from the award's own");
    if (strcmp(iqm_rules_text(rules->document, "level"), iqm_rules_text(rules->before, "level")))
        error = iqm_problem_at(rules->problem, "/level", "stays as it is: apply anew instead");
    if (json_array_size(json_object_get(rules->before, "contracts")) > 0 &&
        strcmp(iqm_rules_text(rules->document, "framework_id"),
            iqm_rules_text(rules->before, "framework_id")) != 0)
        error = iqm_problem_at(
            rules->problem, "/framework_id", "stays as it is once the award was given under it");
    return error;
}

/* The review that a step rests on, where the facts have it; NULL: none. */
static const json_t *review_of(const struct iqm_rules *rules, const json_t *facts)
{
    const char *id = iqm_rules_text(rules->request, "review_id");

    return id != NULL ? iqm_rules_find(json_object_get(facts, "reviews"), "id", id) : NULL;
}

/* A step names a review of this award, or none. */
static int check_review(struct iqm_rules *rules, const json_t *facts)
{
    const json_t *review = review_of(rules, facts);

    if (iqm_rules_text(rules->request, "review_id") == NULL)
        return 0;
    if (iqm_rules_text(review, "visited_on") != NULL &&
        strcmp(iqm_rules_text(review, "award_id"), iqm_rules_text(rules->before, "id")) == 0)
        return 0;
    return iqm_problem_at(
        rules->problem, "/review_id", "is no review of this award whose visit took place");
}

/* A step, or the application, under the rules of the ladder. */
static int climb(struct iqm_rules *rules, const json_t *facts)
{
    const char *step = rules->transition != NULL ? rules->transition : "apply";
    struct ladder ladder = {.facts = facts,
        .on = rules->transition != NULL ? rules->happened_on
                                        : iqm_rules_text(rules->document, "applied_on")};
    const json_t *award = rules->transition != NULL ? rules->before : rules->document;
    json_t *failures = json_array();
    int error = rules->transition != NULL ? check_review(rules, facts) : 0;

    if (error == 0)
        error = ladder_check(&ladder, award, step, failures);
    if (error == 0)
        error = ladder_refuse(rules->problem, failures);
    json_decref(failures);
    if (error == 0 && rules->transition != NULL)
        error = ladder_take(rules->document, step, ladder.on,
            iqm_rules_text(review_of(rules, facts), "visited_on"));
    return error;
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    const json_t *facts = json_object_get(context, "facts");
    int error = check_moves(rules, context);
    int other = check_applied_on(rules);

    if (error == 0)
        error = other;
    if (error == 0)
        error = check_closed(rules, context);
    other = rules->transition == NULL ? choose_framework(rules, context) : 0;
    if (error == 0)
        error = other;
    bool climbs = rules->before == NULL || rules->transition != NULL;
    if (error == 0 && climbs && json_is_object(facts))
        error = climb(rules, facts);
    return error;
}

int iqm_rules_award(struct iqm_rules *rules)
{
    json_t *context = json_loads(rules->context, 0, NULL);
    int error = context != NULL ? check(rules, context) : IQM_ENOMEM;

    if (error == 0 && rules->before == NULL)
        error =
            json_object_set_new(rules->document, "contracts", json_array()) == 0 ? 0 : IQM_ENOMEM;
    json_decref(context);
    return error;
}
