/* An application names a level and the edition it is judged by; contracts follow from the steps. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"

#include <string.h>

static bool is_step(const struct iqm_rules *rules, const char *name)
{
    return rules->transition != NULL && strcmp(rules->transition, name) == 0;
}

static int set_text(json_t *object, const char *member, const char *text)
{
    return json_object_set_new(object, member, json_string(text)) == 0 ? 0 : IQM_ENOMEM;
}

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
        return set_text(rules->document, "framework_id", newest);
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
        return set_text(rules->document, "applied_on", rules->today);
    if (strcmp(applied, rules->today) > 0)
        return iqm_problem_at(
            rules->problem, "/applied_on", "is in the future; today is %s", rules->today);
    if (first != NULL && strcmp(applied, iqm_rules_text(first, "happened_on")) > 0)
        return iqm_problem_at(
            rules->problem, "/applied_on", "is after the first step of the award");
    return 0;
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

/* Three years from a day on. */
static int add_contract(struct iqm_rules *rules, const char *starts_on)
{
    json_t *contracts = json_object_get(rules->document, "contracts");
    char ends_on[IQM_DATE_TEXT];
    int failed = 0;

    iqm_calendar_add(starts_on, 3, -1, ends_on);
    if (json_array_size(contracts) == 0)
        failed = set_text(rules->document, "first_awarded_on", starts_on);
    if (json_array_append_new(
            contracts, json_pack("{s:s, s:s}", "starts_on", starts_on, "ends_on", ends_on)) != 0)
        failed = IQM_ENOMEM;
    return failed == 0 ? set_text(rules->document, "ends_on", ends_on) : failed;
}

/* The path of the award, as the record that fails a rule. */
static int refuse(struct iqm_rules *rules, const char *rule, const char *sentence, const char *day)
{
    json_t *records = json_pack("[s+]", "/v1/awards/", iqm_rules_text(rules->document, "id"));

    iqm_problem_rule(rules->problem, rule, records, sentence, day);
    json_decref(records);
    return iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}

/* An award lapses when its contract has ended and is not renewed; who leaves before withdraws. */
static int check_lapse(struct iqm_rules *rules)
{
    const char *ends_on = iqm_rules_text(rules->document, "ends_on");

    if (strcmp(rules->happened_on, ends_on) > 0)
        return 0;
    return refuse(rules, "contract_over", "The contract runs until %s.", ends_on);
}

/* A renewed contract follows the one before it without a gap. */
static int take_step(struct iqm_rules *rules)
{
    char next[IQM_DATE_TEXT];

    if (is_step(rules, "grant"))
        return add_contract(rules, rules->happened_on);
    if (is_step(rules, "lapse"))
        return check_lapse(rules);
    if (!is_step(rules, "renew"))
        return 0;
    iqm_calendar_add(iqm_rules_text(rules->document, "ends_on"), 0, 1, next);
    return add_contract(rules, next);
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    int error = check_moves(rules, context);
    int other = check_applied_on(rules);

    if (error == 0)
        error = other;
    other = rules->transition == NULL ? choose_framework(rules, context) : take_step(rules);
    return error != 0 ? error : other;
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
