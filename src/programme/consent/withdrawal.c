/*
 * The page behind the link in an e-mail, and the one click of RFC 8058: the link itself is the
 * secret, so there is neither a cookie nor a form's token, and it may come from any site.
 *   get    link → is it live? → page with a button
 *   post   link → the body is read away → key → [withdraw, mail]
 * A link that is not ours is answered like one of somebody who was erased.
 */
#include "contract_tables.h"
#include "iqm/page.h"
#include "iqm/services.h"
#include "programme/consent/told.h"
#include "programme/step.h"

struct withdrawal {
    struct step *step;
    char person[IQM_UUID_TEXT];
    struct iqm_vault_fetch key;
};

static void answer_unknown(struct iqm_call *call)
{
    iqm_page_say(call, 404, "This link does not work",
        "It is not whole, or there is nothing left that it could be for. Take the whole link from "
        "the e-mail, or write to whoever sent it.");
}

static void answer_withdrawn(struct iqm_call *call)
{
    iqm_page_say(call, 200, "You will get no more e-mails",
        "You do not consent, or no longer, to receive information that may be of interest to you. "
        "We still answer what you ask us. You can close this page.");
}

static void answer_form(struct iqm_call *call)
{
    struct iqm_page page;

    iqm_page_begin(&page, call, "Stop e-mails?");
    iqm_page_add(&page,
        "<p>You consented to receive information that may be of interest to you. You can withdraw "
        "that here, as easily as you gave it. It counts at once.</p>\n<form method=\"post\">\n"
        "<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\n"
        "<button type=\"submit\">Send me no more e-mails</button>\n</form>\n");
    iqm_page_reply(call, 200, &page, NULL);
}

/* A step whose first value is the person of the link; NULL after answering. */
static struct step *step_of_link(struct iqm_call *call)
{
    const struct iqm_services *services = call->services;
    struct step *step = step_new(call);
    struct withdrawal *withdrawal = iqm_arena_alloc(call->arena, sizeof *withdrawal);

    if (step == NULL)
        return NULL;
    if (withdrawal == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return NULL;
    }
    if (!consent_link_read(services->config, call->path_values[0], withdrawal->person)) {
        answer_unknown(call);
        return NULL;
    }
    withdrawal->step = step;
    step->user = withdrawal;
    step->values[0].text = withdrawal->person;
    return step;
}

static void link_read(struct step *step, const PGresult *rows)
{
    if (PQgetisnull(rows, 0, 0) == 1)
        answer_unknown(step->call);
    else if (step_says(rows, "t"))
        answer_form(step->call);
    else
        answer_withdrawn(step->call);
}

void iqm_op_get_consent_withdrawal_page(struct iqm_call *call)
{
    struct step *step = step_of_link(call);

    if (step != NULL)
        step_read(step, call->operation->statement, link_read);
}

static void withdrawn(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        answer_withdrawn(step->call);
    else
        answer_unknown(step->call);
}

static int read_away(struct iqm_call *call, const char *bytes, size_t len)
{
    (void)call;
    (void)bytes;
    (void)len;
    return 0;
}

/* Whoever withdraws is told so where that can be sealed, and withdraws in any case. */
static void key_fetched(struct iqm_vault_fetch *fetch)
{
    struct withdrawal *withdrawal = fetch->user;
    struct step *step = withdrawal->step;
    struct iqm_call *call = step->call;

    step->values[1].text = call->request_id;
    if (fetch->error == 0 && fetch->keys[0].known)
        step->values[2].text =
            iqm_mail_body(call->arena, &fetch->keys[0], withdrawal->person, json_object());
    step_change(step, call->operation->statement, withdrawn);
}

static void received(struct iqm_call *call)
{
    struct step *step = call->state;
    struct withdrawal *withdrawal = step->user;

    withdrawal->key = (struct iqm_vault_fetch){
        .people = &withdrawal->person, .count = 1, .done = key_fetched, .user = withdrawal};
    iqm_vault_fetch(call->vault, call->arena, &withdrawal->key);
}

void iqm_op_withdraw_consent(struct iqm_call *call)
{
    if (step_of_link(call) == NULL)
        return;
    call->sink = read_away;
    call->received = received;
    iqm_call_receive(call);
}
