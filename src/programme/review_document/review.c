/* The annual visits: what was seen, and how each criterion was judged. */
#include "programme/review_document/review_page.h"

#include "iqm/resource.h"

#include <string.h>

/* The award that a review is of, with its level and framework. */
static const json_t *award_of(const struct review_page *sheet, const json_t *review)
{
    return iqm_rules_find(
        json_object_get(sheet->whole, "judged_by"), "award_id", iqm_rules_text(review, "award_id"));
}

/* The title of a criterion in the edition that the award is judged by. */
static const char *title_of(
    const struct review_page *sheet, const char *framework, const char *code)
{
    size_t i;
    const json_t *criterion;

    json_array_foreach(json_object_get(sheet->whole, "criteria"), i, criterion)
    {
        if (framework != NULL && strcmp(iqm_rules_text(criterion, "code"), code) == 0 &&
            strcmp(iqm_rules_text(criterion, "framework_id"), framework) == 0)
            return iqm_rules_text(criterion, "title");
    }
    return code;
}

static void add_judgement(
    const struct review_page *sheet, const char *framework, const json_t *judgement)
{
    iqm_page_add(sheet->page, "<tr><th scope=\"row\">");
    iqm_page_text(sheet->page, title_of(sheet, framework, iqm_rules_text(judgement, "criterion")));
    iqm_page_add(sheet->page, "</th><td>");
    review_page_word(sheet, iqm_rules_text(judgement, "judgement"));
    iqm_page_add(sheet->page, "</td>");
    review_page_cell(sheet, iqm_rules_text(judgement, "comment"));
    iqm_page_add(sheet->page, "</tr>\n");
}

static void add_judgements(const struct review_page *sheet, const json_t *review)
{
    const char *framework = iqm_rules_text(award_of(sheet, review), "framework_id");
    const json_t *judgements = json_object_get(review, "judgements");
    size_t i;
    const json_t *judgement;

    if (json_array_size(judgements) == 0)
        return;
    iqm_page_add(sheet->page, "<table><caption>Judgement of each criterion</caption><thead><tr>"
                              "<th scope=\"col\">Criterion</th><th scope=\"col\">Judgement</th>"
                              "<th scope=\"col\">Comment</th></tr></thead><tbody>\n");
    json_array_foreach(judgements, i, judgement) add_judgement(sheet, framework, judgement);
    iqm_page_add(sheet->page, "</tbody></table>\n");
}

/* The day of the visit; of one that is to come, the day it is scheduled for. */
static void add_visit(const struct review_page *sheet, const json_t *review)
{
    const char *visited = iqm_rules_text(review, "visited_on");
    const json_t *assessor = iqm_rules_find(json_object_get(sheet->whole, "people"), "id",
        iqm_rules_text(review, "assessor_person_id"));

    iqm_page_add(
        sheet->page, visited != NULL ? "<dt>Visited on</dt><dd>" : "<dt>Scheduled for</dt><dd>");
    review_page_day(sheet, visited != NULL ? visited : iqm_rules_text(review, "scheduled_on"));
    iqm_page_add(sheet->page, "</dd>\n");
    if (assessor != NULL)
        review_page_term(sheet, "Assessor", iqm_rules_text(assessor, "name"));
    iqm_page_add(sheet->page, "<dt>Status</dt><dd>");
    review_page_word(sheet, iqm_rules_text(review, "status"));
    iqm_page_add(sheet->page, "</dd>\n<dt>Outcome</dt><dd>");
    review_page_word(sheet, iqm_rules_text(review, "outcome"));
    iqm_page_add(sheet->page, "</dd>\n");
}

static void add_review(const struct review_page *sheet, const json_t *review)
{
    iqm_page_add(sheet->page, "<section><h2>Review: ");
    review_page_word(sheet, iqm_rules_text(award_of(sheet, review), "level"));
    iqm_page_add(sheet->page, "</h2>\n<dl>");
    add_visit(sheet, review);
    review_page_term(sheet, "What was seen", iqm_rules_text(review, "seen"));
    review_page_term(sheet, "Strengths", iqm_rules_text(review, "strengths"));
    review_page_term(sheet, "Areas to develop", iqm_rules_text(review, "areas_to_develop"));
    iqm_page_add(sheet->page, "</dl>\n");
    add_judgements(sheet, review);
    iqm_page_add(sheet->page, "</section>\n");
}

void review_page_reviews(const struct review_page *sheet)
{
    size_t i;
    const json_t *review;

    json_array_foreach(json_object_get(sheet->whole, "reviews"), i, review)
        add_review(sheet, review);
}
