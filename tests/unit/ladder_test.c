/* The award ladder: what is in force, how long it was, which years count, and what fails. */
#include "programme/ladder/ladder.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static json_t *facts;

static void tear_down(void)
{
    json_decref(facts);
    facts = NULL;
}

/* Facts as JSON with ' for ". */
static struct ladder look(const char *text, const char *on)
{
    char json[4000];

    ck_assert_uint_lt(strlen(text), sizeof json);
    strcpy(json, text);
    for (char *quote = json; (quote = strchr(quote, '\'')) != NULL;)
        *quote = '"';
    json_decref(facts);
    facts = json_loads(json, 0, NULL);
    ck_assert_ptr_nonnull(facts);
    return (struct ladder){.facts = facts, .on = on};
}

#define STEP(name, status, day)                                                                    \
    "{'transition':'" name "','status':'" status "','happened_on':'" day "'}"
#define CONTRACT(first, last) "{'starts_on':'" first "','ends_on':'" last "'}"
#define AWARD(id, level, steps, contracts)                                                         \
    "{'id':'" id "','level':'" level "','applied_on':'2015-01-01','framework_id':'f',"             \
    "'transitions':[" steps "],'contracts':[" contracts "]}"
#define COE(steps, contracts) AWARD("a", LADDER_COE, steps, contracts)
#define GRANTED STEP("assess", "assessed", "2020-09-01") "," STEP("grant", "awarded", "2020-09-01")
#define FIRST CONTRACT("2020-09-01", "2023-08-31")
#define SECOND CONTRACT("2023-09-01", "2026-08-31")

static bool holds(const char *text, const char *on)
{
    struct ladder ladder = look(text, on);

    return ladder_holds(&ladder, LADDER_COE);
}

START_TEST(an_award_is_in_force_while_its_contract_runs)
{
    static const char once[] = "{'awards':[" COE(GRANTED, FIRST) "]}";
    static const char twice[] = "{'awards':[" COE(
        GRANTED "," STEP("renew", "renewed", "2023-11-01"), FIRST "," SECOND) "]}";

    ck_assert(!holds(once, "2020-08-31"));
    ck_assert(holds(once, "2020-09-01"));
    ck_assert(holds(once, "2023-08-31"));
    ck_assert(!holds(once, "2023-09-01"));
    ck_assert(!holds(twice, "2023-10-31")); /* nobody knew yet */
    ck_assert(holds(twice, "2023-11-01"));
    ck_assert(!holds("{'awards':[]}", "2023-11-01"));
}
END_TEST

START_TEST(a_deferred_award_is_not_in_force)
{
    static const char text[] = "{'awards':[" COE(GRANTED
        "," STEP("defer", "deferred", "2021-09-01") "," STEP("reinstate", "awarded", "2022-01-01"),
        FIRST) "]}";

    ck_assert(holds(text, "2021-08-31"));
    ck_assert(!holds(text, "2021-09-01"));
    ck_assert(!holds(text, "2021-12-31"));
    ck_assert(holds(text, "2022-01-01"));
}
END_TEST

static int days_held(const char *text, const char *on)
{
    struct ladder ladder = look(text, on);

    return ladder_days_held(&ladder, LADDER_COE);
}

START_TEST(days_are_those_in_force_and_count_once)
{
    static const char deferred[] = "{'awards':[" COE(GRANTED
        "," STEP("defer", "deferred", "2020-09-11") "," STEP("reinstate", "awarded", "2020-09-21"),
        FIRST) "]}";
    static const char two[] = "{'awards':[" COE(GRANTED, FIRST) "," AWARD("b", LADDER_COE,
        STEP("grant", "awarded", "2021-09-01"), CONTRACT("2021-09-01", "2024-08-31")) "]}";
    static const char renewed[] = "{'awards':[" COE(
        GRANTED "," STEP("renew", "renewed", "2023-11-01"), FIRST "," SECOND) "]}";

    ck_assert_int_eq(days_held(deferred, "2020-09-01"), 1);
    ck_assert_int_eq(days_held(deferred, "2020-09-30"), 20);
    ck_assert_int_eq(days_held(two, "2023-08-31"), 1095);
    ck_assert_int_eq(days_held(two, "2030-01-01"), 1461);
    ck_assert_int_eq(days_held(renewed, "2024-08-31"), 1461);
}
END_TEST

static void assert_years(const char *text, const char *on, unsigned count, int first)
{
    struct ladder ladder = look(text, on);
    const json_t *award = json_array_get(json_object_get(ladder.facts, "awards"), 0);
    int years[LADDER_YEARS_MAX];

    ck_assert_uint_eq(ladder_years(award, on, years), count);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(years[i], first + (int)i);
}

START_TEST(years_count_when_they_are_over_and_were_under_contract)
{
    static const char text[] = "{'awards':[" COE(
        GRANTED "," STEP("renew", "renewed", "2023-08-01"), FIRST "," SECOND) "]}";
    static const char late[] = "{'awards':[" COE(
        STEP("grant", "awarded", "2021-03-02"), CONTRACT("2021-03-02", "2024-03-01")) "]}";
    static const char again[] = "{'awards':[" COE(GRANTED
        "," STEP("defer", "deferred", "2021-10-01") "," STEP("reinstate", "awarded", "2022-10-01"),
        FIRST) "]}";

    assert_years(text, "2021-08-31", 0, 0);
    assert_years(text, "2021-09-01", 1, 2020);
    assert_years(text, "2023-08-31", 2, 2020);
    assert_years(text, "2025-09-01", 3, 2022);
    assert_years(late, "2022-09-01", 1, 2021); /* not 2020/21: its 1 March was before */
    assert_years(again, "2023-09-01", 1, 2022);
}
END_TEST

/* The state of the only criterion. */
static const char *state(const char *criterion, const char *rest, const char *on)
{
    static char kept[20];
    char text[3000];

    snprintf(text, sizeof text,
        "{'awards':[" COE(GRANTED, FIRST) "],'frameworks':{'f':[{'code':'c','kind':'criterion',"
                                          "'title':'C'%s}]}%s}",
        criterion, rest);
    struct ladder ladder = look(text, on);
    const json_t *award = json_array_get(json_object_get(ladder.facts, "awards"), 0);
    json_t *found = ladder_criteria(&ladder, award);
    ck_assert_uint_eq(json_array_size(found), 1);
    snprintf(kept, sizeof kept, "%s", iqm_rules_text(json_array_get(found, 0), "state"));
    json_decref(found);
    return kept;
}

START_TEST(people_judge_what_records_do_not)
{
#define REVIEW(status, judgement)                                                                  \
    ",'reviews':[{'id':'r','award_id':'a','year':2021,'visited_on':'2021-10-01','status':'" status \
    "','judgements':{'c':'" judgement "'}}]"
    ck_assert_str_eq(state("", "", "2022-01-01"), "to_be_judged");
    ck_assert_str_eq(state("", REVIEW("signed_off", "met"), "2022-01-01"), "met");
    ck_assert_str_eq(state("", REVIEW("signed_off", "not_met"), "2022-01-01"), "not_met");
    ck_assert_str_eq(state("", REVIEW("reported", "met"), "2022-01-01"), "to_be_judged");
    ck_assert_str_eq(state("", REVIEW("signed_off", "met"), "2021-09-30"), "to_be_judged");
    ck_assert(!ladder_by_records(NULL));
    ck_assert(!ladder_by_records("colour"));
    ck_assert(ladder_by_records("annual_visit"));
}
END_TEST

START_TEST(records_judge_visits_meetings_and_membership)
{
#define VISIT ",'rule':'annual_visit'"
#define MEETS ",'rule':'attends_meetings','minimum':2"
#define MEETINGS(held, attended)                                                                   \
    ",'meetings':[{'year':2020,'held':" held ",'attended':" attended                               \
    ",'attendances':['/v1/attendances/x'],'missed':['/v1/meetings/m']}]"
    static const char visited[] =
        ",'reviews':[{'id':'r','award_id':'b','year':2020,'visited_on':'2021-06-01',"
        "'status':'visited'}]";

    ck_assert_str_eq(state(VISIT, "", "2021-08-31"), "met"); /* no year is over */
    ck_assert_str_eq(state(VISIT, "", "2021-09-01"), "not_met");
    ck_assert_str_eq(state(VISIT, visited, "2021-09-01"), "met");
    ck_assert_str_eq(state(VISIT, visited, "2022-09-01"), "not_met");
    ck_assert_str_eq(state(MEETS, MEETINGS("3", "2"), "2021-09-01"), "met");
    ck_assert_str_eq(state(MEETS, MEETINGS("3", "1"), "2021-09-01"), "not_met");
    ck_assert_str_eq(state(MEETS, MEETINGS("1", "1"), "2021-09-01"), "met");
    ck_assert_str_eq(state(MEETS, "", "2021-09-01"), "met"); /* there was none to come to */
    ck_assert_str_eq(state(",'rule':'cluster_member'", "", "2021-09-01"), "not_met");
    ck_assert_str_eq(state(",'rule':'cluster_member'", ",'cluster_id':'k'", "2021-09-01"), "met");
    ck_assert_str_eq(state(",'rule':'held_three_years'", "", "2023-08-30"), "not_met");
    ck_assert_str_eq(state(",'rule':'held_three_years'", "", "2023-08-31"), "met");
}
END_TEST

START_TEST(records_judge_plans_and_updates)
{
#define PLANS ",'rule':'plan_each_year'"
#define UPDATES ",'rule':'project_update_each_year'"
    static const char reviewed[] = ",'plans':[{'id':'p','year':2020,'reviewed_on':'2021-09-10'}]";
    static const char agreed[] = ",'plans':[{'id':'p','year':2020,'reviewed_on':null}]";
    static const char handed_in[] =
        ",'updates':[{'id':'u','year':2020,'submitted_on':'2021-07-01'}]";

    ck_assert_str_eq(state(PLANS, "", "2021-08-31"), "met"); /* no year is over */
    ck_assert_str_eq(state(PLANS, "", "2021-09-20"), "not_met");
    ck_assert_str_eq(state(PLANS, agreed, "2021-09-20"), "not_met");
    ck_assert_str_eq(state(PLANS, reviewed, "2021-09-09"), "not_met");
    ck_assert_str_eq(state(PLANS, reviewed, "2021-09-10"), "met");
    ck_assert_str_eq(state(PLANS, reviewed, "2022-09-10"), "not_met"); /* the next one lacks */
    ck_assert_str_eq(state(UPDATES, "", "2021-09-20"), "not_met");
    ck_assert_str_eq(state(UPDATES, handed_in, "2021-09-20"), "met");
}
END_TEST

START_TEST(a_year_as_a_flagship_school_asks_for_no_plan)
{
    static const char text[] = "{'awards':[" COE(GRANTED, FIRST) "," AWARD("f", LADDER_FLAGSHIP,
        STEP("grant", "awarded", "2022-02-01"),
        CONTRACT("2022-02-01",
            "2025-01-31")) "],'plans':[{'id':'p','year':2020,'reviewed_on':'2021-07-01'}],"
                           "'frameworks':{'f':[{'code':'c','kind':'criterion','title':'C'" PLANS
                           "}]}}";
    struct ladder ladder = look(text, "2023-01-01");
    json_t *found = ladder_criteria(&ladder, json_array_get(json_object_get(facts, "awards"), 0));

    ck_assert_str_eq(iqm_rules_text(json_array_get(found, 0), "state"), "met");
    json_decref(found);
}
END_TEST

/* The rules that stand in the way of a step, in one line. */
static const char *failing(const char *text, const char *step, const char *on)
{
    static char rules[300];
    struct ladder ladder = look(text, on);
    const json_t *award = json_array_get(json_object_get(ladder.facts, "awards"), 0);
    json_t *failures = json_array();
    size_t i;
    const json_t *failure;

    ck_assert_int_eq(ladder_check(&ladder, award, step, failures), 0);
    rules[0] = '\0';
    json_array_foreach(failures, i, failure)
    {
        strcat(rules, i > 0 ? " " : "");
        strcat(rules, iqm_rules_text(failure, "rule"));
    }
    json_decref(failures);
    return rules;
}

START_TEST(a_step_is_open_when_its_rules_are_met)
{
    static const char held[] = "{'awards':[" COE(GRANTED, FIRST) "]}";
    static const char alone[] = "{'awards':[" AWARD("f", LADDER_FLAGSHIP, "", "") "]}";
    static const char above[] =
        "{'awards':[" AWARD("f", LADDER_FLAGSHIP, "", "") "," COE(GRANTED, FIRST) "]}";

    ck_assert_str_eq(failing(held, "renew", "2023-02-01"), "renewal_window");
    ck_assert_str_eq(failing(held, "renew", "2023-03-15"), "");
    ck_assert_str_eq(failing(held, "renew", "2024-02-15"), "");
    ck_assert_str_eq(failing(held, "renew", "2024-03-15"), "renewal_window");
    ck_assert_str_eq(failing(held, "lapse", "2023-08-31"), "contract_over");
    ck_assert_str_eq(failing(held, "lapse", "2023-09-01"), "");
    ck_assert_str_eq(failing(held, "apply", "2021-01-01"), "inclusive_school_award_held");
    ck_assert_str_eq(failing(alone, "grant", "2021-01-01"), "centre_of_excellence_held");
    ck_assert_str_eq(failing(above, "grant", "2021-01-01"), "");
    ck_assert_str_eq(failing(above, "grant", "2024-02-15"), ""); /* just ended */
    ck_assert_str_eq(failing(above, "grant", "2024-03-15"), "centre_of_excellence_held");
    ck_assert_str_eq(failing(held, "withdraw", "2021-01-01"), "");
}
END_TEST

START_TEST(steps_make_contracts_and_days)
{
    json_t *award = json_pack("{s:s, s:[]}", "level", LADDER_COE, "contracts");

    ck_assert_int_eq(ladder_take(award, "grant", "2020-09-15", "2020-06-10"), 0);
    ck_assert_str_eq(iqm_rules_text(award, "first_awarded_on"), "2020-09-15");
    ck_assert_str_eq(iqm_rules_text(award, "ends_on"), "2023-09-14");
    ck_assert_str_eq(iqm_rules_text(award, "review_due_on"), "2021-06-10");
    ck_assert_int_eq(ladder_take(award, "renew", "2023-07-01", NULL), 0);
    ck_assert_str_eq(iqm_rules_text(award, "ends_on"), "2026-09-14");
    ck_assert_str_eq(iqm_rules_text(award, "review_due_on"), "2021-06-10");
    ck_assert_int_eq(ladder_take(award, "lapse", "2026-10-01", NULL), 0);
    ck_assert_ptr_null(json_object_get(award, "review_due_on"));
    json_decref(award);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {an_award_is_in_force_while_its_contract_runs,
        a_deferred_award_is_not_in_force, days_are_those_in_force_and_count_once,
        years_count_when_they_are_over_and_were_under_contract, people_judge_what_records_do_not,
        records_judge_visits_meetings_and_membership, records_judge_plans_and_updates,
        a_year_as_a_flagship_school_asks_for_no_plan, a_step_is_open_when_its_rules_are_met,
        steps_make_contracts_and_days};

    return suite_run("ladder", NULL, tear_down, tests, sizeof tests / sizeof tests[0]);
}
