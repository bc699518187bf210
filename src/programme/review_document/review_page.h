/* The review document of a school and academic year, as a page. */
#ifndef IQM_PROGRAMME_REVIEW_PAGE_H
#define IQM_PROGRAMME_REVIEW_PAGE_H

#include "iqm/page.h"
#include "programme/step.h"

/* What a part of the page is made from: borrowed while it is written. */
struct review_page {
    struct iqm_page *page;
    const json_t *whole; /* ReviewDocument of the contract */
};

/* ---- text.c: the words of the page ---- */

/* The text of a member in an element; nothing where there is none. Lines stay lines. */
void review_page_text(const struct review_page *sheet, const char *element, const char *text);

/* A row of a list of terms: nothing where there is no text. */
void review_page_term(const struct review_page *sheet, const char *term, const char *text);

/* A cell of a table; a dash where there is no text. */
void review_page_cell(const struct review_page *sheet, const char *text);

/* "12 November 2024" of a day; a dash for NULL. */
void review_page_day(const struct review_page *sheet, const char *day);

/* From and to; nothing where neither is there. */
void review_page_days(const struct review_page *sheet, const json_t *part);

/* "Centre of Excellence" of centre_of_excellence: words of the contract as people say them. */
void review_page_word(const struct review_page *sheet, const char *word);

/* The names of people by their ids, and groups by their names; a dash for nobody. */
void review_page_names(const struct review_page *sheet, const json_t *ids, const json_t *groups);

/* ---- plan.c, meetings.c, review.c: the parts ---- */

void review_page_plans(const struct review_page *sheet);
void review_page_projects(const struct review_page *sheet);
void review_page_meetings(const struct review_page *sheet);
void review_page_contributions(const struct review_page *sheet);
void review_page_reviews(const struct review_page *sheet);

/* Of the row that a statement gave, the document with the people named in it, by name; then `next`.
 */
void review_document_people(struct step *step, const PGresult *rows,
    void (*next)(struct step *step, struct iqm_slice document));

#endif
