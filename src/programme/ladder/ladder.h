/*
 * The award ladder: what a school holds, what its awards ask for, and which step is open. Pure
 * rules over the facts of a school and of those it came from (school_facts.sql says what they are),
 * on a day that the caller names: nothing here asks a clock or a database. Source: the programme's
 * forms; the words are those of domain and contract.
 */
#ifndef IQM_PROGRAMME_LADDER_H
#define IQM_PROGRAMME_LADDER_H

#include "iqm/calendar.h"
#include "iqm/resource.h"

#define LADDER_ISA "inclusive_school_award"
#define LADDER_COE "centre_of_excellence"
#define LADDER_FLAGSHIP "flagship"

/* What is looked at: borrowed, for as long as the look. */
struct ladder {
    const json_t *facts;
    const char *on;        /* the day, YYYY-MM-DD */
    const char *review_id; /* of the review that is being signed off; NULL: none */
    json_t *criteria; /* those of the award that is asked about, where they are known; or NULL */
};

/* ---- held.c: what awards are in force, and since when ---- */

/* Whether the award is in force: awarded or renewed, and the contract runs. */
bool ladder_in_force(const json_t *award, const char *on);

/* The status that the steps up to the day led to; "applied" before any. */
const char *ladder_status(const json_t *award, const char *on);

/* The contract of the newest grant or renewal up to the day; NULL before any. */
const json_t *ladder_contract(const json_t *award, const char *on);

/* An award of the level that is in force; else one that is live; NULL when there is none. */
const json_t *ladder_award(const struct ladder *ladder, const char *level);
bool ladder_holds(const struct ladder *ladder, const char *level);

/* Whether the contract of an award of the level runs, in force or deferred. */
bool ladder_is_under_contract(const struct ladder *ladder, const char *level);

/* Days on which an award of the level was in force up to the day, whoever of the line held it. */
int ladder_days_held(const struct ladder *ladder, const char *level);

/* Whether an award of the level was ever granted up to the day. */
bool ladder_ever_held(const struct ladder *ladder, const char *level);

/* ---- years.c: the academic years that an award is judged by ---- */

#define LADDER_YEARS_MAX 3

/*
 * The latest academic years, at most three, in order, by their first year: those that are over on
 * the day and whose 1 March was under contract, from that of the last reinstatement on. Returns how
 * many.
 */
unsigned ladder_years(const json_t *award, const char *on, int ret_years[static LADDER_YEARS_MAX]);

/* The day that says which contract, and which level, an academic year counts to: its 1 March.
 * `year` is its first. */
void ladder_counting_day(int year, char ret_day[static IQM_DATE_TEXT]);

/* The first year of the academic year that a day is in. */
int ladder_year_of(const char *day);

/* "2026/27" of 2026. */
void ladder_year_text(int year, char ret_text[static 8]);

/* ---- criteria.c: what a framework asks for ---- */

/*
 * Each criterion of the award's framework with its state: met, not_met or to_be_judged, a sentence
 * where it is not met, and the paths of the records behind it. New reference, an array; NULL when
 * memory is out.
 */
json_t *ladder_criteria(const struct ladder *ladder, const json_t *award);

/* Whether records decide a rule of a framework. People judge what has no rule. */
bool ladder_by_records(const char *rule);

/* ---- steps.c: which step is open ---- */

/*
 * Adds to `failures` each rule that stands in the way of a step of the award, as an object with
 * `rule`, `detail` and `records`. 0 or IQM_ENOMEM. `step` is one of the contract's, or "apply".
 */
int ladder_check(
    const struct ladder *ladder, const json_t *award, const char *step, json_t *failures);

/* Tells failures as a problem. 0 when there is none, else IQM_EPROBLEM. */
int ladder_refuse(struct iqm_problem *problem, const json_t *failures);

/*
 * What a step changes in an award beside its status: contracts and the days that follow from them.
 * `visited_on`: of the review that it rests on; NULL: none. 0 or IQM_ENOMEM.
 */
int ladder_take(json_t *award, const char *step, const char *on, const char *visited_on);

/* ---- shared by these files ---- */

/* Adds the path of a record to an array: "/v1/plans/<id>". 0 or IQM_ENOMEM. */
int ladder_add_path(json_t *records, const char *collection, const char *id);

/* Adds a failure; takes over `records` (NULL: none). 0 or IQM_ENOMEM. */
int ladder_fail(json_t *failures, const char *rule, json_t *records, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
