/* The guides: their words stand in guides/. */
#include "contract_tables.h"
#include "docs/docs.h"
#include "iqm/page.h"

static const struct docs_guide *find_guide(const struct iqm_call *call)
{
    struct iqm_slice name = iqm_call_parameter(call, "guide");

    for (const struct docs_guide *guide = docs_guides; guide->name != NULL; guide++) {
        if (iqm_slice_equal_string(name, guide->name))
            return guide;
    }
    return NULL;
}

void iqm_op_get_guide_page(struct iqm_call *call)
{
    const struct docs_guide *guide = find_guide(call);
    struct iqm_page page;

    if (guide == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    iqm_page_begin_document(&page, call, guide->title);
    iqm_page_add(&page, guide->html);
    iqm_page_add(&page, "<p><a href=\"/docs\">The reference and all guides</a></p>\n");
    iqm_page_reply(call, 200, &page, NULL);
}

void docs_add_guides(struct iqm_page *page)
{
    for (const struct docs_guide *guide = docs_guides; guide->name != NULL; guide++) {
        iqm_page_add(page, "<li><a href=\"/docs/guides/");
        iqm_page_add(page, guide->name);
        iqm_page_add(page, "\">");
        iqm_page_text(page, guide->title);
        iqm_page_add(page, "</a></li>\n");
    }
}

void iqm_op_get_guides_page(struct iqm_call *call)
{
    struct iqm_page page;

    iqm_page_begin_document(&page, call, "Guides");
    iqm_page_add(&page, "<ul>\n");
    docs_add_guides(&page);
    iqm_page_add(&page, "</ul>\n<p><a href=\"/docs\">The reference</a></p>\n"
                        "<p><a href=\"/problems\">All kinds of errors</a></p>\n");
    iqm_page_reply(call, 200, &page, NULL);
}
