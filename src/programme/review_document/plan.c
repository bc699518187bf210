/* The plan, or the project in its place. */
#include "programme/review_document/review_page.h"

#include "iqm/resource.h"

#include <stdio.h>

static void add_status(const struct review_page *sheet, const json_t *record)
{
    iqm_page_add(sheet->page, "<p>Status: ");
    review_page_word(sheet, iqm_rules_text(record, "status"));
    iqm_page_add(sheet->page, ".</p>\n");
}

static void add_target(const struct review_page *sheet, const json_t *target, size_t number)
{
    struct iqm_page *page = sheet->page;
    char heading[60];

    snprintf(heading, sizeof heading, "<section><h3>Target %zu: ", number + 1);
    iqm_page_add(page, heading);
    iqm_page_text(page, iqm_rules_text(target, "title"));
    iqm_page_add(page, "</h3>\n<dl>");
    review_page_term(sheet, "Link to the School Development Plan",
        iqm_rules_text(target, "development_plan_reference"));
    review_page_term(sheet, "Next steps", iqm_rules_text(target, "next_steps"));
    iqm_page_add(page, "<dt>Responsible</dt><dd>");
    review_page_names(sheet, json_object_get(target, "responsible_person_ids"), NULL);
    iqm_page_add(page, "</dd>\n<dt>Timescale</dt><dd>");
    review_page_days(sheet, target);
    iqm_page_add(page, "</dd>\n");
    review_page_term(sheet, "Success measure", iqm_rules_text(target, "success_measure"));
    review_page_term(sheet, "Progress", iqm_rules_text(target, "progress"));
    review_page_term(sheet, "Impact on inclusive practice", iqm_rules_text(target, "impact"));
    if (json_is_object(json_object_get(target, "carried_from")))
        review_page_term(sheet, "Carried on", "From a plan of an earlier year");
    iqm_page_add(page, "</dl></section>\n");
}

static void add_plan(const struct review_page *sheet, const json_t *plan)
{
    size_t i;
    const json_t *target;

    iqm_page_add(sheet->page, "<section><h2>Action Plan</h2>\n");
    add_status(sheet, plan);
    json_array_foreach(json_object_get(plan, "targets"), i, target) add_target(sheet, target, i);
    iqm_page_add(sheet->page, "</section>\n");
}

void review_page_plans(const struct review_page *sheet)
{
    size_t i;
    const json_t *plan;

    json_array_foreach(json_object_get(sheet->whole, "plans"), i, plan) add_plan(sheet, plan);
}

static void add_step(const struct review_page *sheet, const json_t *step)
{
    struct iqm_page *page = sheet->page;

    iqm_page_add(page, "<tr><th scope=\"row\">");
    iqm_page_text(page, iqm_rules_text(step, "title"));
    iqm_page_add(page, "</th>");
    review_page_cell(sheet, iqm_rules_text(step, "description"));
    iqm_page_add(page, "<td>");
    review_page_names(sheet, json_object_get(step, "responsible_person_ids"),
        json_object_get(step, "responsible_groups"));
    iqm_page_add(page, "</td><td>");
    review_page_days(sheet, step);
    iqm_page_add(page, "</td></tr>\n");
}

static void add_steps(const struct review_page *sheet, const json_t *steps)
{
    size_t i;
    const json_t *step;

    if (json_array_size(steps) == 0)
        return;
    iqm_page_add(sheet->page,
        "<table><caption>Main steps</caption><thead><tr><th scope=\"col\">Step</th>"
        "<th scope=\"col\">What</th><th scope=\"col\">Responsible</th>"
        "<th scope=\"col\">Timeline</th></tr></thead><tbody>\n");
    json_array_foreach(steps, i, step) add_step(sheet, step);
    iqm_page_add(sheet->page, "</tbody></table>\n");
}

/* NULL: none was written for this year. */
static void add_update(const struct review_page *sheet, const json_t *update)
{
    iqm_page_add(sheet->page, "<h3>Annual update</h3>\n");
    if (update == NULL) {
        iqm_page_add(sheet->page, "<p>None was written for this year.</p>\n");
        return;
    }
    iqm_page_add(sheet->page, "<dl>");
    review_page_term(sheet, "Progress", iqm_rules_text(update, "progress"));
    review_page_term(sheet, "Impact", iqm_rules_text(update, "impact"));
    review_page_term(sheet, "Next steps", iqm_rules_text(update, "next_steps"));
    iqm_page_add(sheet->page, "</dl>\n");
}

static void add_project(const struct review_page *sheet, const json_t *project)
{
    iqm_page_add(sheet->page, "<section><h2>Project: ");
    iqm_page_text(sheet->page, iqm_rules_text(project, "title"));
    iqm_page_add(sheet->page, "</h2>\n");
    add_status(sheet, project);
    iqm_page_add(sheet->page, "<p>");
    review_page_days(sheet, project);
    iqm_page_add(sheet->page, "</p>\n");
    review_page_text(sheet, "p", iqm_rules_text(project, "outline"));
    add_steps(sheet, json_object_get(project, "steps"));
    add_update(sheet, iqm_rules_find(json_object_get(sheet->whole, "project_updates"), "project_id",
                          iqm_rules_text(project, "id")));
    iqm_page_add(sheet->page, "</section>\n");
}

void review_page_projects(const struct review_page *sheet)
{
    size_t i;
    const json_t *project;

    json_array_foreach(json_object_get(sheet->whole, "projects"), i, project)
        add_project(sheet, project);
}
