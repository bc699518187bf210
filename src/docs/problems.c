/* What each kind of error means: pages made of the contract's own declarations. */
#include "contract_tables.h"
#include "iqm/page.h"

static const struct iqm_problem_type *find_type(const struct iqm_call *call)
{
    struct iqm_slice name = iqm_call_parameter(call, "problem_type");

    for (size_t i = 0; i < call->contract->problem_type_count; i++) {
        const struct iqm_problem_type *type = &call->contract->problem_types[i];
        if (iqm_slice_equal_string(name, type->name))
            return type;
    }
    return NULL;
}

static void add_term(struct iqm_page *page, const char *term, const char *text)
{
    iqm_page_add(page, "<dt>");
    iqm_page_add(page, term);
    iqm_page_add(page, "</dt><dd>");
    iqm_page_text(page, text);
    iqm_page_add(page, "</dd>\n");
}

static void add_status(struct iqm_page *page, const struct iqm_problem_type *type)
{
    iqm_page_text(page, iqm_arena_printf(page->arena, "%u", type->status));
}

void iqm_op_get_problem_type_page(struct iqm_call *call)
{
    const struct iqm_problem_type *type = find_type(call);
    struct iqm_page page;

    if (type == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_NOT_FOUND);
        return;
    }
    iqm_page_begin_document(&page, call, type->title);
    iqm_page_add(&page, "<dl>\n<dt>Type</dt><dd><code>/problems/");
    iqm_page_text(&page, type->name);
    iqm_page_add(&page, "</code></dd>\n<dt>Status</dt><dd>");
    add_status(&page, type);
    iqm_page_add(&page, "</dd>\n");
    add_term(&page, "Meaning", type->detail);
    add_term(&page, "Cause", type->cause);
    add_term(&page, "Remedy", type->remedy);
    iqm_page_add(&page, "</dl>\n<p><a href=\"/problems\">All kinds of errors</a></p>\n"
                        "<p><a href=\"/docs/guides/errors\">How errors are told</a></p>\n");
    iqm_page_reply(call, 200, &page, NULL);
}

static void add_row(struct iqm_page *page, const struct iqm_problem_type *type)
{
    iqm_page_add(page, "<tr><td>");
    add_status(page, type);
    iqm_page_add(page, "</td><th scope=\"row\"><a href=\"/problems/");
    iqm_page_text(page, type->name);
    iqm_page_add(page, "\">");
    iqm_page_text(page, type->name);
    iqm_page_add(page, "</a></th><td>");
    iqm_page_text(page, type->title);
    iqm_page_add(page, "</td></tr>\n");
}

void iqm_op_get_problem_types_page(struct iqm_call *call)
{
    const struct iqm_contract *contract = call->contract;
    struct iqm_page page;

    iqm_page_begin_document(&page, call, "Kinds of errors");
    iqm_page_add(&page, "<p><a href=\"/docs/guides/errors\">How errors are told</a></p>\n"
                        "<table>\n<thead><tr><th scope=\"col\">Status</th><th scope=\"col\">Type"
                        "</th><th scope=\"col\">Title</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < contract->problem_type_count; i++)
        add_row(&page, &contract->problem_types[i]);
    iqm_page_add(&page, "</tbody>\n</table>\n");
    iqm_page_reply(call, 200, &page, NULL);
}
