/* What the outcome of a review does to the award it judged: the same steps, under the same rules,
 * as the award's own operations. */
#include "programme/review/outcome.h"

#include "contract_tables.h"
#include "iqm/ids.h"
#include "programme/ladder/ladder.h"

#include <stdlib.h>
#include <string.h>

struct step {
    const char *outcome;
    const char *from; /* the status it begins at */
    const char *name;
    const char *to;
};

/* In the order in which they are taken. */
static const struct step steps[] = {
    {"awarded", "applied", "assess", "assessed"},
    {"awarded", "assessed", "grant", "awarded"},
    {"not_awarded", "applied", "assess", "assessed"},
    {"renewed", "awarded", "renew", "renewed"},
    {"renewed", "renewed", "renew", "renewed"},
    {"maintained", "deferred", "reinstate", "awarded"},
    {"deferred", "awarded", "defer", "deferred"},
    {"deferred", "renewed", "defer", "deferred"},
};

static bool is(const json_t *object, const char *member, const char *text)
{
    return strcmp(iqm_rules_text(object, member), text) == 0;
}

/* By whom and when it was recorded is as in the review's own step. */
static int take(struct iqm_rules *rules, json_t *award, const struct step *step)
{
    const json_t *own = json_object_get(rules->document, "transitions");
    const json_t *last = json_array_get(own, json_array_size(own) - 1);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:O, s:O, s:s}", "transition", step->name, "status",
        step->to, "happened_on", rules->happened_on, "recorded_at",
        json_object_get(last, "recorded_at"), "actor", json_object_get(last, "actor"), "review_id",
        iqm_rules_text(rules->document, "id"));

    if (json_array_append_new(json_object_get(award, "transitions"), entry) != 0 ||
        json_object_set_new(award, "status", json_string(step->to)) != 0)
        return IQM_ENOMEM;
    return ladder_take(
        award, step->name, rules->happened_on, iqm_rules_text(rules->document, "visited_on"));
}

/* A step is not before the one before it, nor before the application. */
static int check_order(const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const json_t *taken = json_object_get(award, "transitions");
    const json_t *last = json_array_get(taken, json_array_size(taken) - 1);
    const char *earliest =
        last != NULL ? iqm_rules_text(last, "happened_on") : iqm_rules_text(award, "applied_on");
    json_t *records;

    if (strcmp(earliest, ladder->on) <= 0)
        return 0;
    records = json_array();
    ladder_add_path(records, "/v1/awards", iqm_rules_text(award, "id"));
    return ladder_fail(failures, "steps_in_order", records,
        "The award %s on %s, after the day of the signing off.",
        last != NULL ? "took a step" : "was applied for", earliest);
}

/* An award that has ended takes no outcome; and a visit carries one on while its contract runs:
 * after that it is renewed, or lapses. */
static int check_alive(struct iqm_rules *rules, const json_t *award, json_t *failures)
{
    const char *ends_on = iqm_rules_text(award, "ends_on");

    if (is(award, "status", "lapsed") || is(award, "status", "withdrawn"))
        return ladder_fail(
            failures, "award_in_force", NULL, "The award is %s.", iqm_rules_text(award, "status"));

    if (!is(rules->document, "outcome", "maintained") || ends_on == NULL ||
        strcmp(iqm_rules_text(rules->document, "visited_on"), ends_on) <= 0)
        return 0;
    return ladder_fail(failures, "award_in_force", NULL,
        "The contract ended on %s: the award is renewed rather than maintained.", ends_on);
}

/* The day of the visit before this one; the day on which the award was given where there was none.
 */
static const char *visit_before(
    const struct ladder *ladder, const json_t *award, const char *visited)
{
    const char *award_id = iqm_rules_text(award, "id");
    size_t i;
    const json_t *review; /* newest first */

    json_array_foreach(json_object_get(ladder->facts, "reviews"), i, review)
    {
        const char *day = iqm_rules_text(review, "visited_on");
        if (day != NULL && strcmp(day, visited) < 0 && is(review, "award_id", award_id))
            return day;
    }
    return iqm_rules_text(award, "first_awarded_on");
}

/* The day of the visit after this one; where there was none, the last that a date can be. */
static const char *visit_after(
    const struct ladder *ladder, const json_t *award, const char *visited)
{
    const char *award_id = iqm_rules_text(award, "id"), *found = "9999-12-31";
    size_t i;
    const json_t *review; /* newest first */

    json_array_foreach(json_object_get(ladder->facts, "reviews"), i, review)
    {
        const char *day = iqm_rules_text(review, "visited_on");
        if (day != NULL && strcmp(day, visited) > 0 && is(review, "award_id", award_id))
            found = day;
    }
    return found;
}

/* An annual review that carries Flagship on is based on an update of the project, written after the
 * visit before and up to the visit after: so one update is the basis of one review. */
static int check_update(
    struct iqm_rules *rules, const struct ladder *ladder, const json_t *award, json_t *failures)
{
    const char *outcome = iqm_rules_text(rules->document, "outcome");
    const char *visited = iqm_rules_text(rules->document, "visited_on");
    const char *since = visit_before(ladder, award, visited);
    const char *until = visit_after(ladder, award, visited);
    json_t *projects;
    size_t i;
    const json_t *one;

    if (!is(award, "level", LADDER_FLAGSHIP) ||
        (strcmp(outcome, "maintained") != 0 && strcmp(outcome, "renewed") != 0))
        return 0;
    json_array_foreach(json_object_get(ladder->facts, "updates"), i, one)
    {
        const char *day = iqm_rules_text(one, "submitted_on");
        if (day != NULL && strcmp(day, since) > 0 && strcmp(day, until) <= 0 &&
            strcmp(day, ladder->on) <= 0)
            return 0;
    }
    projects = json_array();
    json_array_foreach(json_object_get(ladder->facts, "projects"), i, one)
        ladder_add_path(projects, "/v1/projects", json_string_value(one));
    return ladder_fail(failures, "project_update_for_review", projects,
        "No update of the project was handed in after %s, on which the review could be based.",
        since);
}

static int take_all(
    struct iqm_rules *rules, const struct ladder *ladder, json_t *award, json_t *failures)
{
    const char *outcome = iqm_rules_text(rules->document, "outcome");
    bool deferred = is(award, "status", "deferred");
    int error = check_order(ladder, award, failures);

    if (error == 0)
        error = check_update(rules, ladder, award, failures) | check_alive(rules, award, failures);
    for (size_t i = 0; error == 0 && i < IQM_LENGTH(steps); i++) {
        if (strcmp(steps[i].outcome, outcome) != 0 || !is(award, "status", steps[i].from))
            continue;
        error = ladder_check(ladder, award, steps[i].name, failures);
        if (error == 0)
            error = take(rules, award, &steps[i]);
        if (!is(award, "status", "assessed"))
            break;
    }
    if (error == 0 && deferred && strcmp(outcome, "renewed") == 0)
        error = ladder_fail(failures, "award_in_force", NULL,
            "The award is deferred: it has to be reinstated before it is renewed.");
    return error != 0
               ? error
               : ladder_take(award, "", ladder->on, iqm_rules_text(rules->document, "visited_on"));
}

/* The award as the database shall have it. */
static int finish(struct iqm_rules *rules, json_t *award)
{
    json_int_t version = json_integer_value(json_object_get(award, "version"));
    char now[IQM_TIME_TEXT];

    iqm_time_now(now);
    if (json_object_set_new(award, "version", json_integer(version + 1)) != 0 ||
        json_object_set_new(award, "updated_at", json_string(now)) != 0 ||
        iqm_resource_order(&iqm_contract, IQM_RESOURCE_AWARD, award) != 0)
        return IQM_ENOMEM;
    char *text = json_dumps(award, JSON_COMPACT);
    rules->effect = text != NULL ? iqm_arena_string(rules->arena, text) : NULL;
    free(text);
    return rules->effect != NULL ? 0 : IQM_ENOMEM;
}

int review_outcome(struct iqm_rules *rules, const json_t *award, const json_t *facts)
{
    struct ladder ladder = {.facts = facts,
        .on = rules->happened_on,
        .review_id = iqm_rules_text(rules->document, "id")};
    json_t *after = json_deep_copy(award), *failures = json_array();
    int error = after != NULL ? take_all(rules, &ladder, after, failures) : IQM_ENOMEM;

    if (error == 0)
        error = ladder_refuse(rules->problem, failures);
    if (error == 0)
        error = finish(rules, after);
    json_decref(after);
    json_decref(failures);
    return error;
}
