/*
 * The interactive reference: a page around a viewer of the contract. Its scripts come from this
 * server only (assets.c).
 */
#include "contract_tables.h"
#include "docs/docs.h"
#include "iqm/page.h"

/* An element of the head that loads an asset. */
static void add_asset(
    struct iqm_page *page, const char *before, const char *name, const char *after)
{
    iqm_page_add(page, before);
    iqm_page_add(page, "/docs/assets/");
    iqm_page_add(page, docs_release);
    iqm_page_add(page, "/");
    iqm_page_add(page, name);
    iqm_page_add(page, after);
}

static void add_script(struct iqm_page *page, const char *name)
{
    add_asset(page, "<script defer src=\"", name, "\"></script>\n");
}

static void add_links(struct iqm_page *page)
{
    iqm_page_add(page, "<nav aria-label=\"Guides\"><ul>\n");
    docs_add_guides(page);
    iqm_page_add(page, "<li><a href=\"/problems\">Kinds of errors</a></li>\n"
                       "<li><a href=\"/openapi.yaml\">openapi.yaml</a></li>\n"
                       "<li><a href=\"/openapi.json\">openapi.json</a></li>\n</ul></nav>\n");
}

void iqm_op_get_reference_page(struct iqm_call *call)
{
    struct iqm_page page;

    iqm_page_begin_interactive(&page, call, "API reference");
    add_asset(&page, "<link rel=\"stylesheet\" href=\"", "swagger-ui.css", "\">\n");
    add_asset(&page, "<link rel=\"stylesheet\" href=\"", "reference.css", "\">\n");
    add_script(&page, "swagger-ui-bundle.js");
    add_script(&page, "reference.js");
    iqm_page_begin_body(&page);
    add_links(&page);
    iqm_page_add(&page,
        "<h2>Sign in</h2>\n<p>With <b>Authorize</b>, through a public client whose redirect "
        "address is "
        "<code>/docs/signed-in</code> of this server. Or paste an access token. Either is "
        "forgotten "
        "when this page is closed.</p>\n<label for=\"token\">Access token</label>\n"
        "<input id=\"token\" type=\"password\" autocomplete=\"off\" spellcheck=\"false\">\n"
        "<h2>Operations</h2>\n<noscript><p>The interactive part needs JavaScript; openapi.yaml "
        "above "
        "says the same.</p></noscript>\n<div id=\"reference\">Loading …</div>\n");
    iqm_page_reply(call, 200, &page, NULL);
}

/* Who opens the bare address in a browser looks for this. */
void iqm_op_get_root(struct iqm_call *call)
{
    iqm_call_header(call, "Location", "/docs");
    iqm_call_reply(call, 303, NULL, "", 0);
}

void iqm_op_get_reference_signed_in_page(struct iqm_call *call)
{
    struct iqm_page page;

    iqm_page_begin_interactive(&page, call, "Signed in");
    add_script(&page, "signed-in.js");
    iqm_page_begin_body(&page);
    iqm_page_add(&page, "<p id=\"said\">This page belongs to a window of the reference.</p>\n");
    iqm_page_reply(call, 200, &page, NULL);
}
