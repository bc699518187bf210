/* Where a school stands on the ladder on a day: derived from records, never stored. */
#include "contract_tables.h"
#include "iqm/calendar.h"
#include "programme/ladder/ladder.h"
#include "programme/step.h"

#include <stdlib.h>
#include <string.h>

/* The steps that may follow a status, whoever may take them. */
static const struct {
    const char *status, *step;
} following[] = {{"applied", "assess"}, {"assessed", "grant"}, {"awarded", "renew"},
    {"awarded", "lapse"}, {"renewed", "renew"}, {"renewed", "lapse"}, {"deferred", "reinstate"},
    {"deferred", "lapse"}};

static const char *const levels[] = {LADDER_ISA, LADDER_COE, LADDER_FLAGSHIP};

/* A step with what stands in its way; new reference. */
static json_t *look_at_step(const struct ladder *ladder, const json_t *award, const char *step)
{
    json_t *failures = json_array();

    if (ladder_check(ladder, award, step, failures) != 0) {
        json_decref(failures);
        return NULL;
    }
    return json_pack("{s:s, s:b, s:o}", "step", step, "open", json_array_size(failures) == 0,
        "failures", failures);
}

static json_t *steps_after(const struct ladder *ladder, const json_t *award)
{
    const char *status = ladder_status(award, ladder->on);
    json_t *found = json_array();

    for (size_t i = 0; i < IQM_LENGTH(following); i++) {
        if (strcmp(following[i].status, status) == 0)
            json_array_append_new(found, look_at_step(ladder, award, following[i].step));
    }
    return found;
}

/* The newest visit of the award up to the day; NULL: none. Reviews come newest first. */
static const char *last_visit(const struct ladder *ladder, const json_t *award)
{
    size_t i;
    const json_t *review;

    json_array_foreach(json_object_get(ladder->facts, "reviews"), i, review)
    {
        const char *visited = iqm_rules_text(review, "visited_on");
        if (visited != NULL && strcmp(visited, ladder->on) <= 0 &&
            strcmp(iqm_rules_text(review, "award_id"), iqm_rules_text(award, "id")) == 0)
            return visited;
    }
    return NULL;
}

static int add_due(json_t *due, const char *what, const char *due_on, const char *on)
{
    return json_array_append_new(due, json_pack("{s:s, s:s, s:b}", "what", what, "due_on", due_on,
                                          "overdue", strcmp(due_on, on) < 0));
}

/* Whether visits are those of the level above. */
static bool is_visited_as_flagship(const struct ladder *ladder, const json_t *award)
{
    return strcmp(iqm_rules_text(award, "level"), LADDER_COE) == 0 &&
           ladder_holds(ladder, LADDER_FLAGSHIP);
}

/* The next annual review, and the renewal; of an award that was given and is neither lapsed nor
 * withdrawn. */
static json_t *due_of(const struct ladder *ladder, const json_t *award)
{
    const json_t *contract = ladder_contract(award, ladder->on);
    const char *status = ladder_status(award, ladder->on);
    json_t *due = json_array();
    char review_on[IQM_DATE_TEXT];

    if (contract == NULL || strcmp(status, "lapsed") == 0 || strcmp(status, "withdrawn") == 0)
        return due;
    if (strcmp(iqm_rules_text(award, "level"), LADDER_ISA) != 0 &&
        !is_visited_as_flagship(ladder, award)) {
        const char *visited = last_visit(ladder, award);
        iqm_calendar_add(
            visited != NULL ? visited : iqm_rules_text(award, "first_awarded_on"), 1, 0, review_on);
        add_due(due, "review", review_on, ladder->on);
    }
    add_due(due, "renewal", iqm_rules_text(contract, "ends_on"), ladder->on);
    return due;
}

static json_t *describe_award(const struct ladder *ladder, const json_t *award)
{
    const json_t *contract = ladder_contract(award, ladder->on);
    struct ladder known = *ladder;
    bool given = contract != NULL;

    known.criteria = ladder_criteria(ladder, award);
    return json_pack("{s:O, s:O, s:s, s:b, s:O, s:O*, s:O*, s:O*, s:o, s:o, s:o}", "award_id",
        json_object_get(award, "id"), "level", json_object_get(award, "level"), "status",
        ladder_status(award, ladder->on), "in_force", ladder_in_force(award, ladder->on),
        "framework_id", json_object_get(award, "framework_id"), "first_awarded_on",
        given ? json_object_get(award, "first_awarded_on") : NULL, "starts_on",
        json_object_get(contract, "starts_on"), "ends_on", json_object_get(contract, "ends_on"),
        "criteria", known.criteria, "due", due_of(ladder, award), "steps",
        steps_after(&known, award));
}

/* Those that had been applied for by the day. */
static json_t *describe_awards(const struct ladder *ladder)
{
    json_t *found = json_array();
    size_t i;
    const json_t *award;

    json_array_foreach(json_object_get(ladder->facts, "awards"), i, award)
    {
        if (strcmp(iqm_rules_text(award, "applied_on"), ladder->on) <= 0)
            json_array_append_new(found, describe_award(ladder, award));
    }
    return found;
}

/* The highest level that is in force, as its index; -1: none. */
static int level_held(const struct ladder *ladder)
{
    int held = -1;

    for (int i = 0; i < (int)IQM_LENGTH(levels); i++) {
        if (ladder_holds(ladder, levels[i]))
            held = i;
    }
    return held;
}

/* A grant that the visit has to come before. */
static void not_assessed_yet(json_t *next, const json_t *award)
{
    json_t *records = json_array();

    ladder_add_path(records, "/v1/awards", iqm_rules_text(award, "id"));
    ladder_fail(json_object_get(next, "failures"), "assessed", records,
        "No visit has judged the application yet.");
    json_object_set_new(next, "open", json_false());
}

/* The step that leads to a level from where its award is; NULL: none was applied for. */
static const char *step_towards(const char *status)
{
    if (status == NULL)
        return "apply";
    if (strcmp(status, "applied") == 0 || strcmp(status, "assessed") == 0)
        return "grant";
    return strcmp(status, "deferred") == 0 ? "reinstate" : "renew";
}

/* A school that was closed goes on as what it became. */
static void tell_closed(const struct ladder *ladder, json_t *next)
{
    const char *closed = iqm_rules_text(ladder->facts, "closed_on");

    if (closed == NULL || strcmp(ladder->on, closed) <= 0)
        return;
    ladder_fail(json_object_get(next, "failures"), "school_open", NULL,
        "The school was closed on %s.", closed);
    json_object_set_new(next, "open", json_false());
}

/* Whether the school may move up: by the step that comes next there. */
static json_t *describe_next(const struct ladder *ladder, int held)
{
    if (held + 1 == (int)IQM_LENGTH(levels))
        return json_null();
    const char *level = levels[held + 1];
    const json_t *award = ladder_award(ladder, level);
    const char *status = award != NULL ? ladder_status(award, ladder->on) : NULL;
    json_t *application = json_pack("{s:s}", "level", level);
    json_t *next = look_at_step(ladder, award != NULL ? award : application, step_towards(status));

    json_decref(application);
    if (next == NULL)
        return NULL;
    json_object_set_new(next, "level", json_string(level));
    if (status == NULL)
        tell_closed(ladder, next);
    else if (strcmp(status, "applied") == 0)
        not_assessed_yet(next, award);
    return next;
}

static void answer_standing(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;

    if (!step_shows(step, rows, 1))
        return;
    json_t *facts = json_loadb(PQgetvalue(rows, 0, 1), (size_t)PQgetlength(rows, 0, 1), 0, NULL);
    struct ladder ladder = {.facts = facts, .on = PQgetvalue(rows, 0, 0)};
    int held = facts != NULL ? level_held(&ladder) : -1;
    json_t *standing = json_pack("{s:s, s:s, s:s?, s:o, s:o}", "school_id",
        call->path_values[0].ptr, "on", ladder.on, "level", held < 0 ? NULL : levels[held], "next",
        describe_next(&ladder, held), "awards", describe_awards(&ladder));
    char *text = standing != NULL ? json_dumps(standing, JSON_COMPACT) : NULL;
    char *copy = text != NULL ? iqm_arena_string(call->arena, text) : NULL;

    if (copy != NULL)
        iqm_call_reply(call, 200, "application/json", copy, strlen(copy));
    else
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    free(text);
    json_decref(standing);
    json_decref(facts);
}

void iqm_op_get_school_standing(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read_asked(step, call->operation->statement, answer_standing);
}
