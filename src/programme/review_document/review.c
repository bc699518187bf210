/* The annual visits: what was seen, and how each criterion was judged. */
#include "programme/review_document/review_page.h"

#include "iqm/resource.h"

/* The title of a criterion; codes are unique enough: the frameworks of one school's year. */
static const char *title_of(const struct review_page *sheet, const char *code)
{
    const json_t *criterion =
        iqm_rules_find(json_object_get(sheet->whole, "criteria"), "code", code);

    return criterion != NULL ? iqm_rules_text(criterion, "title") : code;
}

static void add_judgement(const struct review_page *sheet, const json_t *judgement)
{
    iqm_page_add(sheet->page, "<tr><th scope=\"row\">");
    iqm_page_text(sheet->page, title_of(sheet, iqm_rules_text(judgement, "criterion")));
    iqm_page_add(sheet->page, "</th><td>");
    review_page_word(sheet, iqm_rules_text(judgement, "judgement"));
    iqm_page_add(sheet->page, "</td>");
    review_page_cell(sheet, iqm_rules_text(judgement, "comment"));
    iqm_page_add(sheet->page, "</tr>\n");
}

static void add_judgements(const struct review_page *sheet, const json_t *judgements)
{
    size_t i;
    const json_t *judgement;

    if (json_array_size(judgements) == 0)
        return;
    iqm_page_add(sheet->page, "<table><caption>Judgement of each criterion</caption><thead><tr>"
                              "<th scope=\"col\">Criterion</th><th scope=\"col\">Judgement</th>"
                              "<th scope=\"col\">Comment</th></tr></thead><tbody>\n");
    json_array_foreach(judgements, i, judgement) add_judgement(sheet, judgement);
    iqm_page_add(sheet->page, "</tbody></table>\n");
}

/* The day of the visit; of one that is to come, the day it is scheduled for. */
static void add_visit(const struct review_page *sheet, const json_t *review)
{
    const char *visited = iqm_rules_text(review, "visited_on");
    json_t *assessors = json_pack("[O]", json_object_get(review, "assessor_person_id"));

    iqm_page_add(
        sheet->page, visited != NULL ? "<dt>Visited on</dt><dd>" : "<dt>Scheduled for</dt><dd>");
    review_page_day(sheet, visited != NULL ? visited : iqm_rules_text(review, "scheduled_on"));
    iqm_page_add(sheet->page, "</dd>\n<dt>Assessor</dt><dd>");
    review_page_names(sheet, assessors, NULL);
    iqm_page_add(sheet->page, "</dd>\n<dt>Status</dt><dd>");
    review_page_word(sheet, iqm_rules_text(review, "status"));
    iqm_page_add(sheet->page, "</dd>\n<dt>Outcome</dt><dd>");
    review_page_word(sheet, iqm_rules_text(review, "outcome"));
    iqm_page_add(sheet->page, "</dd>\n");
    json_decref(assessors);
}

static void add_review(const struct review_page *sheet, const json_t *review)
{
    iqm_page_add(sheet->page, "<section><h2>Review</h2>\n<dl>");
    add_visit(sheet, review);
    review_page_term(sheet, "What was seen", iqm_rules_text(review, "seen"));
    review_page_term(sheet, "Strengths", iqm_rules_text(review, "strengths"));
    review_page_term(sheet, "Areas to develop", iqm_rules_text(review, "areas_to_develop"));
    iqm_page_add(sheet->page, "</dl>\n");
    add_judgements(sheet, json_object_get(review, "judgements"));
    iqm_page_add(sheet->page, "</section>\n");
}

void review_page_reviews(const struct review_page *sheet)
{
    size_t i;
    const json_t *review;

    json_array_foreach(json_object_get(sheet->whole, "reviews"), i, review)
        add_review(sheet, review);
}
