/* Which step of an award is open, and what it changes: one function for each rule of a step. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "programme/ladder/ladder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How long before and after its end a contract can be renewed. */
#define RENEWAL_MONTHS 6
/* How long a contract runs. */
#define CONTRACT_YEARS 3

static bool is(const json_t *object, const char *member, const char *text)
{
    const char *value = iqm_rules_text(object, member);

    return value != NULL && strcmp(value, text) == 0;
}

int ladder_add_path(json_t *records, const char *collection, const char *id)
{
    return json_array_append_new(records, json_sprintf("%s/%s", collection, id)) == 0 ? 0
                                                                                      : IQM_ENOMEM;
}

int ladder_fail(json_t *failures, const char *rule, json_t *records, const char *format, ...)
{
    char detail[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    if (records == NULL)
        records = json_array();
    json_t *failure =
        json_pack("{s:s, s:s, s:o}", "rule", rule, "detail", detail, "records", records);
    return json_array_append_new(failures, failure) == 0 ? 0 : IQM_ENOMEM;
}

static json_t *path_of(const char *collection, const json_t *record)
{
    json_t *paths = json_array();

    if (record != NULL)
        ladder_add_path(paths, collection, iqm_rules_text(record, "id"));
    return paths;
}

int ladder_refuse(struct iqm_problem *problem, const json_t *failures)
{
    size_t i;
    const json_t *failure;

    json_array_foreach(failures, i, failure)
        iqm_problem_rule(problem, iqm_arena_string(problem->arena, iqm_rules_text(failure, "rule")),
            json_object_get(failure, "records"), "%s", iqm_rules_text(failure, "detail"));
    return i == 0 ? 0 : iqm_problem_set(problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}

/* What is not met stands in the way. What nobody has judged does so at a review; beside one, head
 * office decides. */
static int criteria_met(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    json_t *criteria =
        ladder->criteria != NULL ? json_incref(ladder->criteria) : ladder_criteria(ladder, award);
    size_t i;
    json_t *one;
    int error = criteria != NULL ? 0 : IQM_ENOMEM;

    json_array_foreach(criteria, i, one)
    {
        const char *detail = iqm_rules_text(one, "detail");
        const char *rule = iqm_rules_text(one, "rule");
        bool decided = !is(one, "state", "to_be_judged") || ladder->review_id != NULL;
        if (error != 0 || is(one, "state", "met") || !decided)
            continue;
        error = ladder_fail(failures, rule != NULL ? rule : iqm_rules_text(one, "code"),
            json_incref(json_object_get(one, "records")), "%s: %s", iqm_rules_text(one, "title"),
            detail != NULL ? detail : "No review has judged it yet.");
    }
    json_decref(criteria);
    return error;
}

static const char *level_below(const json_t *award)
{
    if (is(award, "level", LADDER_FLAGSHIP))
        return LADDER_COE;
    return is(award, "level", LADDER_COE) ? LADDER_ISA : NULL;
}

static const char *name_of(const char *level)
{
    return strcmp(level, LADDER_COE) == 0 ? "Centre of Excellence" : "the Inclusive School Award";
}

static void add_months(const char *day, int months, char ret_day[static IQM_DATE_TEXT])
{
    iqm_calendar_add(day, 0, months * 183 / 6, ret_day);
}

/* In force; or its contract has ended, and can still be renewed: the visit that ends it may judge
 * what comes next. */
static bool is_held(const struct ladder *ladder, const json_t *award)
{
    const json_t *contract = award != NULL ? ladder_contract(award, ladder->on) : NULL;
    const char *status = award != NULL ? ladder_status(award, ladder->on) : "";
    char until[IQM_DATE_TEXT];

    if (contract == NULL || (strcmp(status, "awarded") != 0 && strcmp(status, "renewed") != 0))
        return false;
    add_months(iqm_rules_text(contract, "ends_on"), RENEWAL_MONTHS, until);
    return strcmp(ladder->on, until) <= 0;
}

/* The level below is held; an application for Centre of Excellence may be made beside that for
 * the Inclusive School Award: one visit may grant both. */
static int level_below_held(
    const struct ladder *ladder, const json_t *award, bool applying, json_t *failures)
{
    const char *level = level_below(award);
    const json_t *below = level != NULL ? ladder_award(ladder, level) : NULL;
    char rule[60];

    if (level == NULL || is_held(ladder, below))
        return 0;
    if (applying && below != NULL && strcmp(level, LADDER_ISA) == 0)
        return 0;
    snprintf(rule, sizeof rule, "%s_held", level);
    return ladder_fail(failures, rule, path_of("/v1/awards", below),
        "The school does not hold %s: that award is %s.", name_of(level),
        below != NULL ? ladder_status(below, ladder->on) : "not applied for");
}

static int renewal_window(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const json_t *contract = ladder_contract(award, ladder->on);
    const char *ends_on = contract != NULL ? iqm_rules_text(contract, "ends_on") : ladder->on;
    char from[IQM_DATE_TEXT], to[IQM_DATE_TEXT];

    add_months(ends_on, -RENEWAL_MONTHS, from);
    add_months(ends_on, RENEWAL_MONTHS, to);
    if (strcmp(ladder->on, from) >= 0 && strcmp(ladder->on, to) <= 0)
        return 0;
    return ladder_fail(failures, "renewal_window", path_of("/v1/awards", award),
        "The contract ends on %s; it can be renewed from %s to %s.", ends_on, from, to);
}

/* An award lapses when its contract has ended and is not renewed; who leaves before withdraws. */
static int contract_over(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const json_t *contract = ladder_contract(award, ladder->on);
    const char *ends_on = contract != NULL ? iqm_rules_text(contract, "ends_on") : ladder->on;

    if (contract != NULL && strcmp(ladder->on, ends_on) > 0)
        return 0;
    return ladder_fail(failures, "contract_over", path_of("/v1/awards", award),
        "The contract runs until %s.", ends_on);
}

/* The day of the newest deferral. */
static const char *deferred_on(const json_t *award)
{
    const char *day = "0000-00-00";
    size_t i;
    const json_t *step;

    json_array_foreach(json_object_get(award, "transitions"), i, step)
    {
        if (is(step, "transition", "defer"))
            day = iqm_rules_text(step, "happened_on");
    }
    return day;
}

/* Where cluster meetings are asked for, one was attended after the deferral. */
static int attends_again(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const json_t *frameworks = json_object_get(ladder->facts, "frameworks");
    const json_t *criteria = json_object_get(frameworks, iqm_rules_text(award, "framework_id"));
    const char *attended = iqm_rules_text(ladder->facts, "last_attended_on");
    bool asked = false;
    size_t i;
    const json_t *criterion;

    json_array_foreach(criteria, i, criterion) asked =
        asked || is(criterion, "rule", "attends_meetings");
    if (!asked || (attended != NULL && strcmp(attended, deferred_on(award)) >= 0))
        return 0;
    return ladder_fail(failures, "attends_meetings", path_of("/v1/awards", award),
        "No cluster meeting has been attended since the award was deferred.");
}

/* An award stays while one that rests on it is in force: who leaves withdraws from that first. */
static int nothing_above(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const char *above = is(award, "level", LADDER_ISA)   ? LADDER_COE
                        : is(award, "level", LADDER_COE) ? LADDER_FLAGSHIP
                                                         : NULL;
    const json_t *other = above != NULL ? ladder_award(ladder, above) : NULL;

    if (other == NULL || !ladder_in_force(other, ladder->on))
        return 0;
    return ladder_fail(failures, "nothing_above_in_force", path_of("/v1/awards", other),
        "The school holds %s, which rests on this award.",
        strcmp(above, LADDER_COE) == 0 ? "Centre of Excellence" : "Flagship");
}

static int check_grant(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    return level_below_held(ladder, award, false, failures) | criteria_met(ladder, award, failures);
}

static int check_renew(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    return renewal_window(ladder, award, failures) | criteria_met(ladder, award, failures);
}

int ladder_check(
    const struct ladder *ladder, const json_t *award, const char *step, json_t *failures)
{
    int error = 0;

    if (strcmp(step, "apply") == 0)
        error = level_below_held(ladder, award, true, failures);
    else if (strcmp(step, "grant") == 0)
        error = check_grant(ladder, award, failures);
    else if (strcmp(step, "renew") == 0)
        error = check_renew(ladder, award, failures);
    else if (strcmp(step, "reinstate") == 0)
        error = attends_again(ladder, award, failures);
    else if (strcmp(step, "lapse") == 0)
        error = contract_over(ladder, award, failures) | nothing_above(ladder, award, failures);
    else if (strcmp(step, "withdraw") == 0)
        error = nothing_above(ladder, award, failures);
    return error != 0 ? IQM_ENOMEM : 0;
}

static int set_day(json_t *award, const char *member, const char *day)
{
    return json_object_set_new(award, member, json_string(day)) == 0 ? 0 : IQM_ENOMEM;
}

/* Three years from a day on. */
static int add_contract(json_t *award, const char *starts_on)
{
    json_t *contracts = json_object_get(award, "contracts");
    char ends_on[IQM_DATE_TEXT];
    int error = 0;

    iqm_calendar_add(starts_on, CONTRACT_YEARS, -1, ends_on);
    if (json_array_size(contracts) == 0)
        error = set_day(award, "first_awarded_on", starts_on);
    if (json_array_append_new(
            contracts, json_pack("{s:s, s:s}", "starts_on", starts_on, "ends_on", ends_on)) != 0)
        error = IQM_ENOMEM;
    return error != 0 ? error : set_day(award, "ends_on", ends_on);
}

/* A review is due a year after the last one, in whichever order they are signed off, or after the
 * award was given without one; the Inclusive School Award has none. */
static int next_review(json_t *award, const char *after)
{
    const char *known = iqm_rules_text(award, "review_due_on");
    char due_on[IQM_DATE_TEXT];

    if (is(award, "level", LADDER_ISA))
        return 0;
    iqm_calendar_add(after, 1, 0, due_on);
    if (known != NULL && strcmp(known, due_on) >= 0)
        return 0;
    return set_day(award, "review_due_on", due_on);
}

int ladder_take(json_t *award, const char *step, const char *on, const char *visited_on)
{
    char next[IQM_DATE_TEXT];
    int error = 0;

    if (strcmp(step, "grant") == 0) {
        error = add_contract(award, on);
        visited_on = visited_on != NULL ? visited_on : on;
    } else if (strcmp(step, "renew") == 0) {
        iqm_calendar_add(iqm_rules_text(award, "ends_on"), 0, 1, next);
        error = add_contract(award, next);
    } else if (strcmp(step, "lapse") == 0 || strcmp(step, "withdraw") == 0) {
        json_object_del(award, "review_due_on");
        return 0;
    }
    if (error == 0 && visited_on != NULL && json_object_get(award, "first_awarded_on") != NULL)
        error = next_review(award, visited_on);
    return error;
}
