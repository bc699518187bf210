/* What a framework asks for, criterion by criterion: some decided by records, the others by people
 * in a review. One function for each rule of a framework. */
#include "iqm/calendar.h"
#include "programme/ladder/ladder.h"

#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 200
/* In days. */
#define THREE_YEARS (3 * 365)

struct verdict {
    const char *state;
    char detail[DETAIL_MAX]; /* why it is not met; empty otherwise */
    json_t *records;         /* behind the state */
};

static const char met[] = "met";
static const char not_met[] = "not_met";
static const char to_be_judged[] = "to_be_judged";

static bool is(const json_t *object, const char *member, const char *text)
{
    const char *value = iqm_rules_text(object, member);

    return value != NULL && strcmp(value, text) == 0;
}

static int year_of(const json_t *record)
{
    return (int)json_integer_value(json_object_get(record, "year"));
}

static void __attribute__((format(printf, 2, 3)))
fail(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;

    if (verdict->state == not_met)
        return; /* the first reason is told */
    verdict->state = not_met;
    va_start(arguments, format);
    vsnprintf(verdict->detail, sizeof verdict->detail, format, arguments);
    va_end(arguments);
}

/* Adds the records of a kind and year of which `counts` says yes; whether there was one. */
static bool collect(const struct ladder *ladder, const char *kind, const char *collection, int year,
    bool (*counts)(const struct ladder *ladder, const json_t *record), struct verdict *verdict)
{
    bool found = false;
    size_t i;
    const json_t *record;

    json_array_foreach(json_object_get(ladder->facts, kind), i, record)
    {
        if (year_of(record) != year || !counts(ladder, record))
            continue;
        ladder_add_path(verdict->records, collection, iqm_rules_text(record, "id"));
        found = true;
    }
    return found;
}

/* Whether what a member tells the day of had happened by the day. */
static bool had(const struct ladder *ladder, const json_t *record, const char *member)
{
    const char *day = iqm_rules_text(record, member);

    return day != NULL && strcmp(day, ladder->on) <= 0;
}

static bool was_visited(const struct ladder *ladder, const json_t *review)
{
    return had(ladder, review, "visited_on");
}

/* Looks at each academic year that the award is judged by. */
static void each_year(const struct ladder *ladder, const json_t *award, struct verdict *verdict,
    void (*look)(const struct ladder *ladder, int year, const char *name, struct verdict *verdict))
{
    int years[LADDER_YEARS_MAX];
    unsigned count = ladder_years(award, ladder->on, years);

    for (unsigned i = 0; i < count; i++) {
        char name[IQM_ACADEMIC_YEAR_TEXT];
        ladder_year_text(years[i], name);
        look(ladder, years[i], name, verdict);
    }
}

static void look_for_visit(
    const struct ladder *ladder, int year, const char *name, struct verdict *verdict)
{
    if (!collect(ladder, "reviews", "/v1/reviews", year, was_visited, verdict))
        fail(verdict, "There was no review visit in %s.", name);
}

static void annual_visit(const struct ladder *ladder, const json_t *award, const json_t *criterion,
    struct verdict *verdict)
{
    (void)criterion;
    each_year(ladder, award, verdict, look_for_visit);
}

static void cluster_member(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    const char *cluster = iqm_rules_text(ladder->facts, "cluster_id");

    (void)award, (void)criterion;
    if (cluster == NULL)
        fail(verdict, "The school is in no cluster.");
    else
        ladder_add_path(verdict->records, "/v1/clusters", cluster);
}

static const json_t *meetings_of(const struct ladder *ladder, int year)
{
    size_t i;
    const json_t *meetings;

    json_array_foreach(json_object_get(ladder->facts, "meetings"), i, meetings)
    {
        if (year_of(meetings) == year)
            return meetings;
    }
    return NULL;
}

/* A school can be at no more cluster meetings than there were. */
static void attend(
    const struct ladder *ladder, int year, json_int_t minimum, struct verdict *verdict)
{
    const json_t *meetings = meetings_of(ladder, year);
    json_int_t held = json_integer_value(json_object_get(meetings, "held"));
    json_int_t attended = json_integer_value(json_object_get(meetings, "attended"));
    char text[IQM_ACADEMIC_YEAR_TEXT];

    ladder_year_text(year, text);
    if (attended < (held < minimum ? held : minimum)) {
        fail(verdict, "Of %d cluster meetings in %s, %d were attended; %d are asked for.",
            (int)held, text, (int)attended, (int)(held < minimum ? held : minimum));
        json_array_extend(verdict->records, json_object_get(meetings, "missed"));
    }
    json_array_extend(verdict->records, json_object_get(meetings, "attendances"));
}

static void attends_meetings(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    int years[LADDER_YEARS_MAX];
    unsigned count = ladder_years(award, ladder->on, years);
    json_int_t minimum = json_integer_value(json_object_get(criterion, "minimum"));

    for (unsigned i = 0; i < count; i++)
        attend(ladder, years[i], minimum, verdict);
}

static bool was_reviewed(const struct ladder *ladder, const json_t *plan)
{
    return had(ladder, plan, "reviewed_on");
}

static bool was_handed_in(const struct ladder *ladder, const json_t *update)
{
    return had(ladder, update, "submitted_on");
}

static bool is_there(const struct ladder *ladder, const json_t *record)
{
    return (void)ladder, record != NULL;
}

/* Whether the year counts to Flagship, where a project takes the place of a plan. */
static bool is_flagship_year(const struct ladder *ladder, int year)
{
    char march[IQM_DATE_TEXT];

    ladder_counting_day(year, march);
    struct ladder then = {.facts = ladder->facts, .on = march};
    return ladder_is_under_contract(&then, LADDER_FLAGSHIP);
}

/* A plan that was reviewed; one that was not is told as what fails. */
static void look_for_plan(
    const struct ladder *ladder, int year, const char *name, struct verdict *verdict)
{
    if (is_flagship_year(ladder, year) ||
        collect(ladder, "plans", "/v1/plans", year, was_reviewed, verdict))
        return;
    bool begun = collect(ladder, "plans", "/v1/plans", year, is_there, verdict);
    fail(verdict, "%s %s.", begun ? "No review was made of the plan of" : "There is no plan of",
        name);
}

static void plan_each_year(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    (void)criterion;
    each_year(ladder, award, verdict, look_for_plan);
}

static void look_for_update(
    const struct ladder *ladder, int year, const char *name, struct verdict *verdict)
{
    if (!collect(ladder, "updates", "/v1/project-updates", year, was_handed_in, verdict))
        fail(verdict, "No update of the project was handed in for %s.", name);
}

static void project_update_each_year(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    (void)criterion;
    each_year(ladder, award, verdict, look_for_update);
}

/* Asked for before Flagship is attained for the first time. */
static void held_three_years(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    const json_t *before = ladder_award(ladder, LADDER_COE);
    int days = ladder_days_held(ladder, LADDER_COE);

    (void)award, (void)criterion;
    if (before != NULL)
        ladder_add_path(verdict->records, "/v1/awards", iqm_rules_text(before, "id"));
    if (days < THREE_YEARS && !ladder_ever_held(ladder, LADDER_FLAGSHIP))
        fail(verdict, "Centre of Excellence has been held for %d days; three years are asked for.",
            days);
}

static bool is_signed_off(const struct ladder *ladder, const json_t *review)
{
    return is(review, "status", "signed_off") ||
           (ladder->review_id != NULL && is(review, "id", ladder->review_id));
}

/* What people said of it in the newest review that was signed off. Reviews come newest first. */
static void judged_by_people(const struct ladder *ladder, const json_t *award,
    const json_t *criterion, struct verdict *verdict)
{
    const char *code = iqm_rules_text(criterion, "code");
    size_t i;
    const json_t *review;

    verdict->state = to_be_judged;
    json_array_foreach(json_object_get(ladder->facts, "reviews"), i, review)
    {
        const json_t *judgements = json_object_get(review, "judgements");
        const char *judgement = iqm_rules_text(judgements, code);
        if (judgement == NULL || !is(review, "award_id", iqm_rules_text(award, "id")) ||
            !is_signed_off(ladder, review) || !was_visited(ladder, review))
            continue;
        verdict->state = met;
        if (strcmp(judgement, met) != 0)
            fail(verdict, "The review of %s judged that it is not met.",
                iqm_rules_text(review, "visited_on"));
        ladder_add_path(verdict->records, "/v1/reviews", iqm_rules_text(review, "id"));
        break;
    }
}

/* What the school has recorded for the criterion, which people look at when they judge it. */
static void add_support(const struct ladder *ladder, const json_t *award, const json_t *criterion,
    struct verdict *verdict)
{
    const char *framework = iqm_rules_text(award, "framework_id");
    const char *code = iqm_rules_text(criterion, "code");
    size_t i;
    const json_t *one;

    json_array_foreach(json_object_get(ladder->facts, "support"), i, one)
    {
        if (is(one, "framework_id", framework) && is(one, "code", code))
            json_array_append(verdict->records, json_object_get(one, "path"));
    }
}

typedef void judge_fn(const struct ladder *ladder, const json_t *award, const json_t *criterion,
    struct verdict *verdict);

static judge_fn *judge_of(const char *rule)
{
    static const struct {
        const char *rule;
        judge_fn *judge;
    } judges[] = {{"annual_visit", annual_visit}, {"attends_meetings", attends_meetings},
        {"cluster_member", cluster_member}, {"held_three_years", held_three_years},
        {"plan_each_year", plan_each_year}, {"project_update_each_year", project_update_each_year}};

    for (size_t i = 0; rule != NULL && i < IQM_LENGTH(judges); i++) {
        if (strcmp(judges[i].rule, rule) == 0)
            return judges[i].judge;
    }
    return judged_by_people;
}

bool ladder_by_records(const char *rule)
{
    return judge_of(rule) != judged_by_people;
}

/* What the framework says of a criterion, without what only judges need; shares its members. */
static json_t *copy_of(const json_t *criterion)
{
    static const char *const members[] = {"code", "kind", "title", "rule"};
    json_t *copy = json_object();

    for (size_t i = 0; i < IQM_LENGTH(members); i++) {
        json_t *value = json_object_get(criterion, members[i]);
        if (json_is_string(value))
            json_object_set_nocheck(copy, members[i], value);
    }
    return copy;
}

/* New reference; NULL when memory is out. */
static json_t *judge(const struct ladder *ladder, const json_t *award, const json_t *criterion)
{
    struct verdict verdict = {.state = met, .records = json_array()};
    json_t *judged = copy_of(criterion);

    if (verdict.records == NULL || judged == NULL) {
        json_decref(verdict.records);
        json_decref(judged);
        return NULL;
    }
    judge_of(iqm_rules_text(criterion, "rule"))(ladder, award, criterion, &verdict);
    add_support(ladder, award, criterion, &verdict);
    json_object_set_new_nocheck(judged, "state", json_string_nocheck(verdict.state));
    if (verdict.detail[0] != '\0')
        json_object_set_new_nocheck(judged, "detail", json_string_nocheck(verdict.detail));
    json_object_set_new_nocheck(judged, "records", verdict.records);
    return judged;
}

static const json_t *framework_of(const struct ladder *ladder, const json_t *award)
{
    const json_t *frameworks = json_object_get(ladder->facts, "frameworks");

    return json_object_get(frameworks, iqm_rules_text(award, "framework_id"));
}

json_t *ladder_criteria(const struct ladder *ladder, const json_t *award)
{
    json_t *found = json_array();
    size_t i;
    const json_t *criterion;

    json_array_foreach(framework_of(ladder, award), i, criterion)
    {
        if (json_array_append_new(found, judge(ladder, award, criterion)) != 0) {
            json_decref(found);
            return NULL;
        }
    }
    return found;
}
