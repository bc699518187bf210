/* A request about personal data: what it is made of, its clock, and what each of its steps needs.
 */
#include "contract_tables.h"
#include "iqm/request_clock.h"
#include "iqm/resource.h"
#include "programme/privacy_request/holidays.h"
#include "programme/privacy_request/told.h"
#include "programme/work.h"

#include <stdio.h>
#include <string.h>

/* Told by steps, each by its own. */
static const char *const told[] = {"question", "extension_reason", "outcome", "explanation"};

static bool is(const json_t *object, const char *member, const char *text)
{
    const char *value = iqm_rules_text(object, member);

    return value != NULL && strcmp(value, text) == 0;
}

/* A step that may not be taken, by the name of the rule that says so. */
static int refuse(struct iqm_rules *rules, const char *rule, const char *sentence)
{
    json_t *records =
        json_pack("[s+]", "/v1/privacy-requests/", iqm_rules_text(rules->document, "id"));

    iqm_problem_rule(rules->problem, rule, records, "%s", sentence);
    json_decref(records);
    return iqm_problem_set(rules->problem, IQM_PROBLEM_RULES_NOT_MET, NULL);
}

/* ---- the clock ---- */

/* When it is due, from what the document says; nothing of it changes a day that was told before. */
static int set_due(struct iqm_rules *rules, const struct iqm_bank_holidays *holidays)
{
    struct iqm_request_clock clock = {.received_on = iqm_rules_text(rules->document, "received_on"),
        .paused_days = (int)json_integer_value(json_object_get(rules->document, "paused_days")),
        .is_extended = json_is_true(json_object_get(rules->document, "extended"))};
    char day[IQM_DATE_TEXT];

    iqm_request_due(&clock, holidays, day);
    return iqm_rules_set_text(rules->document, "due_on", day);
}

static int set_acknowledge_by(struct iqm_rules *rules, const struct iqm_bank_holidays *holidays)
{
    char day[IQM_DATE_TEXT];

    if (!is(rules->document, "kind", "complaint"))
        return 0;
    iqm_complaint_acknowledge_by(iqm_rules_text(rules->document, "received_on"), holidays, day);
    return iqm_rules_set_text(rules->document, "acknowledge_by", day);
}

/* ---- making one ---- */

static int check_received_on(struct iqm_rules *rules)
{
    const char *received = iqm_rules_text(rules->document, "received_on");

    if (received == NULL)
        return iqm_rules_set_text(rules->document, "received_on", rules->today);
    if (strcmp(received, rules->today) > 0)
        return iqm_problem_at(
            rules->problem, "/received_on", "is in the future; today is %s", rules->today);
    return 0;
}

static int check_untold(struct iqm_rules *rules)
{
    int error = 0;

    for (size_t i = 0; i < IQM_LENGTH(told); i++) {
        char pointer[60];
        if (iqm_rules_text(rules->document, told[i]) == NULL)
            continue;
        snprintf(pointer, sizeof pointer, "/%s", told[i]);
        error = iqm_problem_at(rules->problem, pointer, "is told in a step: leave it out");
    }
    return error;
}

static int make(
    struct iqm_rules *rules, const json_t *context, const struct iqm_bank_holidays *holidays)
{
    bool is_own = json_is_true(json_object_get(context, "own"));
    int error = check_received_on(rules);

    if (check_untold(rules) != 0)
        error = IQM_EPROBLEM;
    if (error != 0)
        return error;
    int failed = json_object_set_new(rules->document, "paused_days", json_integer(0)) |
                 json_object_set_new(rules->document, "extended", json_false());
    if (failed != 0)
        return IQM_ENOMEM;
    error = iqm_rules_set_text(rules->document, "channel", is_own ? "own_account" : "head_office");
    if (error == 0)
        error = set_due(rules, holidays);
    if (error == 0)
        error = set_acknowledge_by(rules, holidays);
    return error == 0 ? request_tell(rules, "request_received", NULL) : error;
}

/* ---- its steps ---- */

static int note_acknowledged(struct iqm_rules *rules)
{
    if (!is(rules->document, "kind", "complaint") ||
        iqm_rules_text(rules->before, "acknowledged_on") != NULL)
        return 0;
    return iqm_rules_set_text(rules->document, "acknowledged_on", rules->happened_on);
}

static int acknowledge(struct iqm_rules *rules)
{
    if (!is(rules->document, "kind", "complaint"))
        return refuse(rules, "complaints_are_acknowledged", "Only complaints are acknowledged.");
    if (iqm_rules_text(rules->before, "acknowledged_on") != NULL)
        return refuse(rules, "acknowledged_once", "The complaint was acknowledged before.");
    return note_acknowledged(rules);
}

/* The clock stands: when it will have run out nobody knows. */
static int pause_clock(struct iqm_rules *rules)
{
    json_object_del(rules->document, "due_on");
    int error = note_acknowledged(rules);
    return error == 0 ? request_tell(rules, "request_paused", "question") : error;
}

static int resume(struct iqm_rules *rules, const struct iqm_bank_holidays *holidays)
{
    const json_t *steps = json_object_get(rules->before, "transitions");
    const json_t *pause = json_array_get(steps, json_array_size(steps) - 1);
    json_int_t days = json_integer_value(json_object_get(rules->before, "paused_days")) +
                      iqm_calendar_days(iqm_rules_text(pause, "happened_on"), rules->happened_on);

    if (json_object_set_new(rules->document, "paused_days", json_integer(days)) != 0)
        return IQM_ENOMEM;
    return set_due(rules, holidays);
}

static int extend(struct iqm_rules *rules, const struct iqm_bank_holidays *holidays)
{
    if (json_is_true(json_object_get(rules->before, "extended")))
        return refuse(rules, "extended_once", "It was extended before.");
    if (strcmp(rules->happened_on, iqm_rules_text(rules->before, "due_on")) > 0)
        return refuse(rules, "extended_in_the_first_month",
            "The month in which people are told of an extension is over.");
    if (json_object_set_new(rules->document, "extended", json_true()) != 0)
        return IQM_ENOMEM;
    int error = set_due(rules, holidays);
    return error == 0 ? request_tell(rules, "request_extended", "extension_reason") : error;
}

/* Whether the person was asked who they are. */
static bool asked_identity(const json_t *document)
{
    return iqm_rules_find(json_object_get(document, "transitions"), "reason", "identity") != NULL;
}

static int refuse_request(struct iqm_rules *rules, const json_t *context)
{
    if (is(rules->request, "ground", "legal_hold") &&
        !json_is_object(json_object_get(context, "hold")))
        return refuse(rules, "legal_hold_in_force", "There is no hold on the person on that day.");
    if (is(rules->request, "ground", "identity_not_confirmed") && !asked_identity(rules->before))
        return refuse(rules, "identity_was_asked", "The person was not asked who they are.");
    return request_tell(rules, "request_refused", "explanation");
}

static int take_step(
    struct iqm_rules *rules, const json_t *context, const struct iqm_bank_holidays *holidays)
{
    const char *received = iqm_rules_text(rules->before, "received_on");

    if (strcmp(rules->happened_on, received) < 0)
        return iqm_problem_at(rules->problem, "/happened_on",
            "is before the request was received, which was on %s", received);
    if (work_is_step(rules, "acknowledge"))
        return acknowledge(rules);
    if (work_is_step(rules, "pause"))
        return pause_clock(rules);
    if (work_is_step(rules, "resume"))
        return resume(rules, holidays);
    if (work_is_step(rules, "extend"))
        return extend(rules, holidays);
    if (work_is_step(rules, "complete"))
        return request_tell(rules, "request_completed", NULL);
    return work_is_step(rules, "refuse") ? refuse_request(rules, context) : 0;
}

static int check(struct iqm_rules *rules, const json_t *context)
{
    struct iqm_bank_holidays holidays;

    if (holidays_read(rules->arena, json_object_get(context, "bank_holidays"), &holidays) != 0)
        return IQM_ENOMEM;
    return rules->transition != NULL ? take_step(rules, context, &holidays)
                                     : make(rules, context, &holidays);
}

int iqm_rules_privacy_request(struct iqm_rules *rules)
{
    return iqm_rules_in_context(rules, "/person_id", check);
}
