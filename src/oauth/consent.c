/* The one page of signing in: who asks, for what, and the form. For people who see, hear or feel
 * it, with keyboard or finger, without scripts. */
#include "oauth.h"

#include "contract_tables.h"
#include "iqm/page.h"

#include <string.h>

/* What the client asks for, whole: the role that may forbid some of it is known only afterwards. */
static void add_scopes(struct iqm_page *page, const struct authorization *authorization)
{
    const struct iqm_contract *contract = authorization->call->contract;

    iqm_page_add(page, "<ul>\n");
    for (size_t i = 0; i < contract->scope_count; i++) {
        if (!iqm_roles_have(authorization->scopes, contract->scopes[i].name))
            continue;
        iqm_page_add(page, "<li>");
        iqm_page_text(page, contract->scopes[i].sentence);
        iqm_page_add(page, "</li>\n");
    }
    iqm_page_add(page, "</ul>\n");
}

/* Only this machine is gone back to by http, or to an app by a scheme of its own. */
static const char *place_of(const char *source)
{
    return strncmp(source, "https:", 6) == 0 ? source : "a program on this device";
}

static void add_fields(struct iqm_page *page, const char *email, bool is_wrong)
{
    const char *describe = is_wrong ? " aria-invalid=\"true\" aria-describedby=\"fault\"" : "";

    iqm_page_add(page, "<fieldset><legend>Your account</legend>\n"
                       "<label for=\"email\">E-mail address</label>\n"
                       "<input id=\"email\" name=\"email\" type=\"email\" required"
                       " autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\"");
    iqm_page_add(page, describe);
    iqm_page_add(page, " value=\"");
    iqm_page_text(page, email != NULL ? email : "");
    iqm_page_add(page, "\">\n<label for=\"password\">Password</label>\n"
                       "<input id=\"password\" name=\"password\" type=\"password\" required"
                       " autocomplete=\"current-password\"");
    iqm_page_add(page, describe);
    iqm_page_add(page, ">\n</fieldset>\n");
}

static void add_form(struct iqm_page *page, const char *token, const char *email, bool is_wrong)
{
    iqm_page_add(
        page, "<form method=\"post\">\n<input type=\"hidden\" name=\"form_token\" value=\"");
    iqm_page_text(page, token);
    iqm_page_add(page, "\">\n");
    add_fields(page, email, is_wrong);
    iqm_page_add(page, "<button name=\"decision\" value=\"allow\">Sign in and allow</button>\n"
                       "<button name=\"decision\" value=\"deny\" class=\"quiet\" formnovalidate>"
                       "Do not allow</button>\n</form>\n");
}

void consent_show(
    struct authorization *authorization, unsigned status, const char *fault, const char *email)
{
    struct iqm_call *call = authorization->call;
    const char *token = form_token_make(call);
    const char *source = redirect_source(call->arena, authorization->redirect);
    struct iqm_page page;

    if (token == NULL || source == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    iqm_page_begin(&page, call, "Sign in to the Inclusion Quality Mark");
    if (fault != NULL) {
        iqm_page_add(&page, "<p class=\"error\" role=\"alert\" id=\"fault\">");
        iqm_page_text(&page, fault);
        iqm_page_add(&page, "</p>\n");
    }
    iqm_page_add(&page, "<p><strong>");
    iqm_page_text(&page, authorization->client_name);
    iqm_page_add(&page, "</strong> asks to use the Inclusion Quality Mark in your name. It can "
                        "then do the following, but no more than you may do yourself:</p>\n");
    add_scopes(&page, authorization);
    add_form(&page, token, email, fault != NULL && email != NULL);
    iqm_page_add(&page, "<p class=\"quiet\">Whether you allow it or not, you then go back to ");
    iqm_page_text(&page, place_of(source));
    iqm_page_add(&page, ".</p>\n");
    iqm_page_reply(call, status, &page, source);
}
