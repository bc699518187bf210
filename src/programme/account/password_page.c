/*
 * The page behind a link: a person chooses a password, the first one or a new one.
 *   get    link → form
 *   post   same origin, limit → link → rules → hash (in the passwords' threads) → redeem
 * A link that is unknown, used or too old is answered alike, before any hash is made.
 */
#include "contract_tables.h"
#include "iqm/ids.h"
#include "iqm/limits.h"
#include "iqm/page.h"
#include "iqm/password.h"
#include "iqm/services.h"
#include "programme/account/link.h"
#include "programme/account/sign_in_address.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

struct choice {
    const char *link;
    struct iqm_slice person; /* as stored */
    struct iqm_password_job job;
};

static void answer_void(struct iqm_call *call)
{
    iqm_page_say(call, 400, "This link does not work",
        "It has been used, has expired, or was replaced by a newer one. Ask whoever sent it, or "
        "head office, for another.");
}

static void add_field(
    struct iqm_page *page, const char *name, const char *label, const char *described)
{
    iqm_page_add(page, "<label for=\"");
    iqm_page_add(page, name);
    iqm_page_add(page, "\">");
    iqm_page_add(page, label);
    iqm_page_add(page, "</label>\n<input type=\"password\" id=\"");
    iqm_page_add(page, name);
    iqm_page_add(page, "\" name=\"");
    iqm_page_add(page, name);
    iqm_page_add(page, "\" autocomplete=\"new-password\" required aria-describedby=\"");
    iqm_page_add(page, described);
    iqm_page_add(page, "\">\n");
}

/* The address is shown for password managers, which keep it with the password; it is not sent. */
static void answer_form(struct iqm_call *call, unsigned status, const char *link,
    const char *sign_in_name, const char *fault)
{
    const char *described = fault != NULL ? "rules fault" : "rules";
    struct iqm_page page;

    iqm_page_begin(&page, call, "Choose your password");
    if (fault != NULL) {
        iqm_page_add(&page, "<p id=\"fault\" class=\"error\" role=\"alert\">");
        iqm_page_text(&page, fault);
        iqm_page_add(&page, "</p>\n");
    }
    iqm_page_add(&page, "<form method=\"post\" action=\"password\">\n"
                        "<input type=\"hidden\" name=\"link\" value=\"");
    iqm_page_text(&page, link);
    iqm_page_add(&page, "\">\n<label for=\"username\">Your e-mail address, with which you sign in"
                        "</label>\n"
                        "<input type=\"email\" id=\"username\" autocomplete=\"username\" readonly "
                        "value=\"");
    iqm_page_text(&page, sign_in_name);
    iqm_page_add(&page, "\">\n<p id=\"rules\">With this password you sign in to the Inclusion "
                        "Quality Mark. Use at least 8 characters, and nothing that is easy to "
                        "guess, such as a part of your e-mail address or a common password. A few "
                        "words that have nothing to do with each other are easy to remember and "
                        "hard to guess.</p>\n");
    add_field(&page, "password", "New password", described);
    add_field(&page, "repeat", "New password again", described);
    iqm_page_add(&page, "<button type=\"submit\">Set password</button>\n</form>\n");
    iqm_page_reply(call, status, &page, NULL);
}

static void person_opened(struct step *step, const struct iqm_slice *documents)
{
    const struct choice *choice = step->user;

    answer_form(
        step->call, 200, choice->link, sign_in_address(step->call->arena, documents[0]), NULL);
}

/* The person of a link that works is opened, and `next` goes on. */
static void open_person(struct step *step, const PGresult *rows,
    void (*next)(struct step *step, const struct iqm_slice *documents))
{
    struct choice *choice = step->user;

    if (PQntuples(rows) != 1) {
        answer_void(step->call);
        return;
    }
    choice->person = iqm_pg_slice(rows, 0, 0);
    step_open_people(step, &choice->person, 1, next);
}

static void link_read(struct step *step, const PGresult *rows)
{
    open_person(step, rows, person_opened);
}

/* A step about the link, which is copied; NULL after failing the call. */
static struct step *step_of_link(struct iqm_call *call, struct iqm_slice link)
{
    struct step *step = step_new(call);
    struct choice *choice = iqm_arena_alloc(call->arena, sizeof *choice);

    if (step == NULL)
        return NULL;
    if (choice != NULL)
        choice->link = iqm_arena_copy(call->arena, link.ptr, link.len);
    if (choice == NULL || choice->link == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return NULL;
    }
    step->user = choice;
    step_hash(step, 0, link);
    return step;
}

void iqm_op_get_password_page(struct iqm_call *call)
{
    struct iqm_slice link = iqm_call_parameter(call, "link");

    if (!iqm_secret_has_form(link, ACCOUNT_LINK_PREFIX)) {
        answer_void(call);
        return;
    }
    struct step *step = step_of_link(call, link);
    if (step != NULL)
        step_read(step, IQM_STATEMENT_READ_ACCOUNT_LINK, link_read);
}

static void redeemed(struct step *step, const PGresult *rows)
{
    if (step_says(rows, "t"))
        iqm_page_say(step->call, 200, "Your password is set",
            "You can close this page. To go on, open the application that you use for the "
            "Inclusion Quality Mark, and sign in there with your e-mail address and this "
            "password. If you were signed in anywhere, you have been signed out there.");
    else
        answer_void(step->call);
}

static void hashed(struct iqm_call *call)
{
    struct step *step = call->state;
    const struct choice *choice = step->user;

    if (choice->job.error != 0) {
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
        return;
    }
    step->values[1].text = choice->job.fresh;
    step->values[2].text = call->request_id;
    step_change(step, call->operation->statement, redeemed);
}

static struct iqm_slice field(const struct iqm_call *call, const char *name)
{
    const json_t *value = json_object_get(call->body, name);

    return (struct iqm_slice){json_string_value(value), json_string_length(value)};
}

static const char *fault_of(const struct iqm_call *call, const char *sign_in_name)
{
    const struct iqm_services *services = call->services;
    struct iqm_slice password = field(call, "password");

    if (!iqm_slice_equal(password, field(call, "repeat")))
        return "The two passwords differ. Type the same one twice.";
    return iqm_password_flaw(iqm_passwords_list(services->passwords), password, sign_in_name);
}

static void choose(struct step *step, const struct iqm_slice *documents)
{
    struct iqm_call *call = step->call;
    struct choice *choice = step->user;
    const char *sign_in_name = sign_in_address(call->arena, documents[0]);
    const char *fault = fault_of(call, sign_in_name);
    if (fault != NULL) {
        answer_form(call, 422, choice->link, sign_in_name, fault);
        return;
    }
    choice->job.make = true;
    if (iqm_password_job_set(&choice->job, field(call, "password")) != 0 ||
        iqm_password_submit(call, &choice->job, hashed) != 0)
        step_fail(step, IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL);
}

static void link_holds(struct step *step, const PGresult *rows)
{
    open_person(step, rows, choose);
}

static void begin_choice(struct iqm_call *call)
{
    struct step *step = step_of_link(call, field(call, "link"));

    if (step != NULL)
        step_read(step, IQM_STATEMENT_READ_ACCOUNT_LINK, link_holds);
}

void iqm_op_post_password_page(struct iqm_call *call)
{
    if (!iqm_auth_same_origin(call))
        iqm_page_say(call, 403, "This form came from elsewhere",
            "Open the link you were sent, and fill in the form on that page.");
    else if (iqm_limits_admit_form(call) != 0)
        iqm_call_fail(call);
    else
        begin_choice(call);
}
