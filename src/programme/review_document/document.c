/* The review document of a school and academic year: the records of the year together, as JSON and
 * as a page to print. Derived, never stored. */
#include "programme/review_document/review_page.h"

#include "contract_tables.h"
#include "iqm/calendar.h"
#include "iqm/resource.h"
#include "programme/step.h"

static bool is_good_year(struct iqm_call *call)
{
    const char *year = iqm_call_parameter(call, "academic_year").ptr;

    if (year == NULL || iqm_calendar_is_academic_year(year))
        return true;
    iqm_problem_parameter(
        &call->problem, "academic_year", "query", "is not one year and the next, like 2026/27");
    iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    iqm_auth_refuse(call);
    return false;
}

static void read_document(
    struct iqm_call *call, void (*answer)(struct step *step, const PGresult *rows))
{
    struct step *step = is_good_year(call) ? step_new(call) : NULL;

    if (step != NULL)
        step_read_asked(step, IQM_STATEMENT_GET_REVIEW_DOCUMENT, answer);
}

static void answer_json(struct step *step, struct iqm_slice document)
{
    iqm_call_reply(step->call, 200, "application/json", document.ptr, document.len);
}

static void read_json(struct step *step, const PGresult *rows)
{
    review_document_people(step, rows, answer_json);
}

void iqm_op_get_review_document(struct iqm_call *call)
{
    read_document(call, read_json);
}

static void add_award(const struct review_page *sheet, const json_t *award)
{
    iqm_page_add(sheet->page, "<dt>");
    review_page_word(sheet, iqm_rules_text(award, "level"));
    iqm_page_add(sheet->page, "</dt><dd>");
    review_page_word(sheet, iqm_rules_text(award, "status"));
    iqm_page_add(sheet->page, ", since ");
    review_page_day(sheet, iqm_rules_text(award, "first_awarded_on"));
    iqm_page_add(sheet->page, "; contract to ");
    review_page_day(sheet, iqm_rules_text(award, "ends_on"));
    iqm_page_add(sheet->page, "</dd>\n");
}

static void add_school(const struct review_page *sheet)
{
    const json_t *school = json_object_get(sheet->whole, "school");
    const json_t *cluster = json_object_get(sheet->whole, "cluster");
    size_t i;
    const json_t *award;

    iqm_page_add(sheet->page, "<section><h2>School</h2>\n<dl>");
    review_page_term(sheet, "School", iqm_rules_text(school, "name"));
    review_page_term(sheet, "Town", iqm_rules_text(school, "town"));
    review_page_term(sheet, "URN", iqm_rules_text(school, "urn"));
    review_page_term(sheet, "Local authority", iqm_rules_text(school, "local_authority_name"));
    review_page_term(sheet, "Cluster", iqm_rules_text(cluster, "name"));
    review_page_term(sheet, "Academic year", iqm_rules_text(sheet->whole, "academic_year"));
    json_array_foreach(json_object_get(sheet->whole, "awards"), i, award) add_award(sheet, award);
    iqm_page_add(sheet->page, "</dl></section>\n");
}

static void write_page(const struct review_page *sheet, struct iqm_call *call)
{
    bool works_on_a_project = json_array_size(json_object_get(sheet->whole, "projects")) > 0 &&
                              json_array_size(json_object_get(sheet->whole, "plans")) == 0;
    const char *name = iqm_rules_text(json_object_get(sheet->whole, "school"), "name");
    const char *title = iqm_arena_printf(call->arena, "%s and Review %s: %s",
        works_on_a_project ? "Flagship Project" : "Action Plan",
        iqm_rules_text(sheet->whole, "academic_year"), name);

    iqm_page_begin_document(sheet->page, call, title != NULL ? title : "Review");
    add_school(sheet);
    review_page_plans(sheet);
    review_page_projects(sheet);
    review_page_meetings(sheet);
    review_page_contributions(sheet);
    review_page_reviews(sheet);
    iqm_page_reply(call, 200, sheet->page, NULL);
}

static void answer_page(struct step *step, struct iqm_slice document)
{
    struct iqm_page page;

    json_t *whole = json_loadb(document.ptr, document.len, 0, NULL);
    struct review_page sheet = {.page = &page, .whole = whole};
    if (whole != NULL)
        write_page(&sheet, step->call);
    else
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    json_decref(whole);
}

static void read_page(struct step *step, const PGresult *rows)
{
    review_document_people(step, rows, answer_page);
}

void iqm_op_get_review_document_page(struct iqm_call *call)
{
    read_document(call, read_page);
}
