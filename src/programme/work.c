/* Rules that plans, projects and their updates share. Knows no SQL. */
#include "programme/work.h"

#include "contract_tables.h"
#include "iqm/text.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX 160

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool work_has_text(const json_t *object, const char *member)
{
    const char *text = iqm_rules_text(object, member);

    return text != NULL && iqm_text_words(text, strlen(text)) > 0;
}

int work_need(struct iqm_rules *rules, const char *member, const char *sentence)
{
    char pointer[POINTER_MAX];

    if (work_has_text(rules->document, member))
        return 0;
    snprintf(pointer, sizeof pointer, "/%s", member);
    return iqm_problem_at(rules->problem, pointer, "%s", sentence);
}

int work_keep(struct iqm_rules *rules, const char *member)
{
    char pointer[POINTER_MAX];

    if (rules->before == NULL ||
        same_text(iqm_rules_text(rules->document, member), iqm_rules_text(rules->before, member)))
        return 0;
    snprintf(pointer, sizeof pointer, "/%s", member);
    return iqm_problem_at(rules->problem, pointer, "stays as it is");
}

int work_check_status(struct iqm_rules *rules, const char *const *changeable)
{
    const char *status = iqm_rules_text(rules->before, "status");

    if (rules->before == NULL || rules->transition != NULL)
        return 0;
    for (; *changeable != NULL; changeable++) {
        if (same_text(*changeable, status))
            return 0;
    }
    return iqm_problem_set(rules->problem, IQM_PROBLEM_WRONG_STATUS,
        "This is %s and cannot be changed%s.", status,
        same_text(status, "submitted") ? " until it is sent back" : "");
}

bool work_is_step(const struct iqm_rules *rules, const char *name)
{
    return same_text(rules->transition, name);
}

bool work_has_id(const json_t *ids, const char *id)
{
    size_t i;
    const json_t *one;

    json_array_foreach(ids, i, one)
    {
        if (same_text(json_string_value(one), id))
            return true;
    }
    return false;
}

static int check_review(struct iqm_rules *rules, const json_t *context)
{
    const char *id = iqm_rules_text(rules->request, "review_id");

    if (id == NULL || work_has_id(json_object_get(context, "reviews"), id))
        return 0;
    return iqm_problem_at(
        rules->problem, "/review_id", "is no review of the award whose visit took place");
}

int work_check_judge(
    struct iqm_rules *rules, const json_t *context, const char *const *steps_of_others)
{
    bool judges = false;

    for (; *steps_of_others != NULL; steps_of_others++)
        judges = judges || work_is_step(rules, *steps_of_others);
    if (!judges)
        return 0;
    if (!json_is_true(json_object_get(context, "actor_belongs")))
        return check_review(rules, context);
    json_t *records =
        json_pack("[s+]", "/v1/schools/", iqm_rules_text(rules->document, "school_id"));
    iqm_problem_rule(rules->problem, "conflict_of_interest", records, "You belong to the school.");
    json_decref(records);
    return iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}
