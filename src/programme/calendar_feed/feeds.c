/*
 * One's own calendar feeds: made with a secret address that is shown once, listed, revoked. What
 * its owner calls a feed is sealed under the owner's key: [identify, whose it will be] → key →
 * label sealed → [identify, feed] One without a label is made at once.
 */
#include "contract_tables.h"
#include "iqm/http.h"
#include "iqm/resource.h"
#include "programme/calendar_feed/feed.h"
#include "programme/own_list.h"

#include <stdio.h>
#include <string.h>

struct new_feed {
    struct step *step;
    const char *secret;
    const char *label; /* clear; NULL: none */
    char person[IQM_UUID_TEXT];
    struct iqm_vault_fetch key;
};

/* What a feed may be of, each a member of the body; the order is that of the statement's values. */
static const char *const kinds[] = {"cluster_id", "school_id", "ambassador_id"};

static const char *pointer_of_kind(const struct iqm_call *call)
{
    for (size_t i = 0; i < IQM_LENGTH(kinds); i++) {
        if (iqm_rules_text(call->body, kinds[i]) != NULL)
            return iqm_arena_printf(call->arena, "/%s", kinds[i]);
    }
    return NULL;
}

static void refuse_member(struct step *step, const char *pointer, const char *sentence)
{
    iqm_problem_at(&step->call->problem, pointer, "%s", sentence);
    step_fail(step, IQM_PROBLEM_VALIDATION_FAILED, NULL);
}

static void answer_made(struct step *step, const char *stored)
{
    struct iqm_call *call = step->call;
    const struct new_feed *feed = step->user;
    const char *document = iqm_document_with_text(call->arena, stored, "label", feed->label);
    const char *text = NULL;

    if (document != NULL)
        text = iqm_arena_printf(call->arena, "{\"feed\":%s,\"url\":\"%s%s%s%s\"}", document,
            iqm_server_url(), CALENDAR_FEED_PATH, feed->secret, CALENDAR_FEED_FILE);
    if (text == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        iqm_call_reply(call, 201, "application/json", text, strlen(text));
}

static void made(struct step *step, const PGresult *rows)
{
    if (PQntuples(rows) == 0)
        refuse_member(step, pointer_of_kind(step->call), "refers to a record that does not exist");
    else if (step_says(rows, "nobody"))
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "A feed belongs to a person's account, and this token stands for none. Sign in.");
    else if (step_says(rows, "full"))
        step_fail(step, IQM_PROBLEM_CONFLICT,
            "You have 20 feeds. Revoke one that nothing reads any more; the list says when each "
            "was last read.");
    else
        answer_made(step, PQgetvalue(rows, 0, 1));
}

/* The statement's values but for the label; how many of the kinds are named. */
static unsigned take_body(struct step *step)
{
    const json_t *body = step->call->body;
    struct iqm_pg_value hash = step->values[1]; /* where a path without an id has it */
    unsigned named = 0;

    for (unsigned i = 0; i < IQM_LENGTH(kinds); i++) {
        const char *id = iqm_rules_text(body, kinds[i]);
        step->values[i] = (struct iqm_pg_value){.text = id};
        named += id != NULL ? 1 : 0;
    }
    step->values[IQM_LENGTH(kinds)] = hash;
    return named;
}

static void make_feed(struct new_feed *feed, const char *label)
{
    struct step *step = feed->step;

    step->values[IQM_LENGTH(kinds) + 1].text = label;
    step_change(step, step->call->operation->statement, made);
}

/* Whose key is gone has no account any more, and hears so. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct new_feed *feed = fetch->user;
    struct step *step = feed->step;
    const char *label = NULL;

    if (fetch->error != 0) {
        iqm_resource_sealed(step->call, fetch->error);
        iqm_call_fail(step->call);
        return;
    }
    if (fetch->keys[0].known)
        label = iqm_seal_text(
            step->call->arena, &fetch->keys[0], &CALENDAR_FEED_LABEL(feed->person), feed->label);
    if (fetch->keys[0].known && label == NULL)
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    else
        make_feed(feed, label);
}

static void owner_found(struct step *step, const PGresult *rows)
{
    struct new_feed *feed = step->user;

    if (PQntuples(rows) == 0) {
        make_feed(feed, NULL);
        return;
    }
    snprintf(feed->person, sizeof feed->person, "%s", PQgetvalue(rows, 0, 0));
    feed->key = (struct iqm_vault_fetch){
        .people = &feed->person, .count = 1, .done = key_fetched, .user = feed};
    iqm_vault_fetch(step->call->vault, step->call->arena, &feed->key);
}

static void refuse_body(struct iqm_call *call)
{
    iqm_problem_at(
        &call->problem, "", "needs one of cluster_id, school_id and ambassador_id, and no more");
    iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
    iqm_auth_refuse(call);
}

void iqm_op_create_calendar_feed(struct iqm_call *call)
{
    struct step *step = step_new_with_secret(call, CALENDAR_FEED_PREFIX);
    struct new_feed *feed = iqm_arena_alloc(call->arena, sizeof *feed);

    if (step == NULL)
        return;
    if (feed == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    *feed = (struct new_feed){
        .step = step, .secret = step->user, .label = iqm_rules_text(call->body, "label")};
    step->user = feed;
    if (take_body(step) != 1)
        refuse_body(call);
    else if (feed->label != NULL)
        step_read(step, IQM_STATEMENT_GET_CALENDAR_OWNER, owner_found);
    else
        make_feed(feed, NULL);
}

void iqm_op_list_calendar_feeds(struct iqm_call *call)
{
    static const char *const sealed[] = {"label", NULL};
    struct step *step = step_new(call);
    struct own_list *list = iqm_arena_alloc(call->arena, sizeof *list);

    if (step == NULL)
        return;
    if (list == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    *list = (struct own_list){.resource = "calendar_feed", .members = sealed};
    own_list_answer(step, list);
}

static void revoked(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        iqm_call_reply(step->call, 204, NULL, "", 0);
    else
        step_fail(step, IQM_PROBLEM_NOT_FOUND, NULL);
}

void iqm_op_revoke_calendar_feed(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    step->values[0].text = call->path_values[0].ptr;
    step_change(step, call->operation->statement, revoked);
}
