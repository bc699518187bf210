/* One's own calendar feeds: made with a secret address that is shown once, listed, revoked. */
#include "contract_tables.h"
#include "iqm/http.h"
#include "iqm/resource.h"
#include "programme/calendar_feed/feed.h"
#include "programme/step.h"

#include <string.h>

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

/* The document of the database, with the address in front of its end. */
static void answer_made(struct step *step, const char *document)
{
    struct iqm_call *call = step->call;
    const char *secret = step->user;
    const char *text = iqm_arena_printf(call->arena, "{\"feed\":%s,\"url\":\"%s%s%s%s\"}", document,
        iqm_server_url(), CALENDAR_FEED_PATH, secret, CALENDAR_FEED_FILE);

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

/* The statement's values; how many of the kinds are named. */
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
    step->values[IQM_LENGTH(kinds) + 1].text = iqm_rules_text(body, "label");
    return named;
}

void iqm_op_create_calendar_feed(struct iqm_call *call)
{
    struct step *step = step_new_with_secret(call, CALENDAR_FEED_PREFIX);

    if (step == NULL)
        return;
    if (take_body(step) == 1) {
        step_change(step, call->operation->statement, made);
        return;
    }
    iqm_problem_at(
        &call->problem, "", "needs one of cluster_id, school_id and ambassador_id, and no more");
    iqm_problem_set(&call->problem, IQM_PROBLEM_VALIDATION_FAILED, NULL);
    iqm_auth_refuse(call);
}

static void listed(struct step *step, const PGresult *rows)
{
    step_answer_document(step, rows);
}

void iqm_op_list_calendar_feeds(struct iqm_call *call)
{
    struct step *step = step_new(call);

    if (step != NULL)
        step_read(step, call->operation->statement, listed);
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
