/* The grid of cluster meetings with their impact, and what the school shared. */
#include "programme/review_document/review_page.h"

#include "iqm/resource.h"

#include <stdio.h>

static void add_topics(const struct review_page *sheet, const json_t *topics)
{
    size_t i;
    const json_t *topic;

    iqm_page_add(sheet->page, "<td>");
    json_array_foreach(topics, i, topic)
    {
        iqm_page_add(sheet->page, i > 0 ? "; " : "");
        iqm_page_text(sheet->page, json_string_value(topic));
    }
    iqm_page_add(sheet->page, "</td>");
}

static void add_meeting(const struct review_page *sheet, const json_t *meeting)
{
    struct iqm_page *page = sheet->page;

    iqm_page_add(page, "<tr><th scope=\"row\">");
    review_page_day(sheet, iqm_rules_text(meeting, "held_on"));
    iqm_page_add(page, "</th>");
    review_page_cell(sheet, iqm_rules_text(meeting, "location"));
    add_topics(sheet, json_object_get(meeting, "topics"));
    iqm_page_add(page, "<td>");
    review_page_word(sheet, iqm_rules_text(meeting, "status"));
    iqm_page_add(page, "</td>");
    review_page_cell(sheet, iqm_rules_text(meeting, "impact"));
    iqm_page_add(page, "</tr>\n");
}

static void add_term(const struct review_page *sheet, const json_t *term)
{
    char counts[100];

    snprintf(counts, sizeof counts, "</th><td>%d</td><td>%d</td></tr>\n",
        (int)json_integer_value(json_object_get(term, "held")),
        (int)json_integer_value(json_object_get(term, "attended")));
    iqm_page_add(sheet->page, "<tr><th scope=\"row\">");
    review_page_word(sheet, iqm_rules_text(term, "term"));
    iqm_page_add(sheet->page, counts);
}

static void add_terms(const struct review_page *sheet, const json_t *terms)
{
    size_t i;
    const json_t *term;

    iqm_page_add(sheet->page,
        "<table><caption>Cluster meetings by term</caption><thead><tr><th scope=\"col\">Term</th>"
        "<th scope=\"col\">Held</th><th scope=\"col\">Attended</th></tr></thead><tbody>\n");
    json_array_foreach(terms, i, term) add_term(sheet, term);
    iqm_page_add(sheet->page, "</tbody></table>\n");
}

void review_page_meetings(const struct review_page *sheet)
{
    const json_t *grid = json_object_get(sheet->whole, "meetings");
    const json_t *items = json_object_get(grid, "items");
    size_t i;
    const json_t *meeting;

    iqm_page_add(sheet->page, "<section><h2>Impact of cluster meetings</h2>\n");
    if (json_array_size(items) == 0)
        iqm_page_add(sheet->page, "<p>No meeting was recorded in this year.</p>\n");
    else
        iqm_page_add(sheet->page,
            "<table><caption>Meetings of the year</caption><thead><tr><th scope=\"col\">Day</th>"
            "<th scope=\"col\">Location of meeting</th><th scope=\"col\">Topics</th>"
            "<th scope=\"col\">Attendance</th><th scope=\"col\">Impact</th></tr></thead>"
            "<tbody>\n");
    json_array_foreach(items, i, meeting) add_meeting(sheet, meeting);
    if (json_array_size(items) > 0)
        iqm_page_add(sheet->page, "</tbody></table>\n");
    add_terms(sheet, json_object_get(grid, "terms"));
    iqm_page_add(sheet->page, "</section>\n");
}

static void add_contribution(const struct review_page *sheet, const json_t *contribution)
{
    struct iqm_page *page = sheet->page;

    iqm_page_add(page, "<section><h3>");
    iqm_page_text(page, iqm_rules_text(contribution, "title"));
    iqm_page_add(page, "</h3>\n<p>");
    review_page_word(sheet, iqm_rules_text(contribution, "kind"));
    iqm_page_add(page, ", ");
    review_page_day(sheet, iqm_rules_text(contribution, "happened_on"));
    iqm_page_add(page, "</p>\n");
    review_page_text(sheet, "p", iqm_rules_text(contribution, "description"));
    iqm_page_add(page, "<dl>");
    review_page_term(sheet, "Impact", iqm_rules_text(contribution, "impact"));
    iqm_page_add(page, "</dl></section>\n");
}

void review_page_contributions(const struct review_page *sheet)
{
    const json_t *contributions = json_object_get(sheet->whole, "contributions");
    size_t i;
    const json_t *contribution;

    if (json_array_size(contributions) == 0)
        return;
    iqm_page_add(sheet->page, "<section><h2>What the school shared</h2>\n");
    json_array_foreach(contributions, i, contribution) add_contribution(sheet, contribution);
    if (json_is_true(json_object_get(sheet->whole, "contributions_truncated")))
        iqm_page_add(sheet->page, "<p>There are more; these are the first of the year.</p>\n");
    iqm_page_add(sheet->page, "</section>\n");
}
