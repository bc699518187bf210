/* Words, days and names of the page. Everything from outside is escaped here. */
#include "programme/review_document/review_page.h"

#include "iqm/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

void review_page_text(const struct review_page *sheet, const char *element, const char *text)
{
    if (is_blank(text))
        return;
    iqm_page_add(sheet->page, "<");
    iqm_page_add(sheet->page, element);
    iqm_page_add(sheet->page, " class=\"said\">");
    iqm_page_text(sheet->page, text);
    iqm_page_add(sheet->page, "</");
    iqm_page_add(sheet->page, element);
    iqm_page_add(sheet->page, ">\n");
}

void review_page_term(const struct review_page *sheet, const char *term, const char *text)
{
    if (is_blank(text))
        return;
    iqm_page_add(sheet->page, "<dt>");
    iqm_page_add(sheet->page, term);
    iqm_page_add(sheet->page, "</dt>");
    review_page_text(sheet, "dd", text);
}

void review_page_cell(const struct review_page *sheet, const char *text)
{
    review_page_text(sheet, "td", is_blank(text) ? "–" : text);
}

void review_page_day(const struct review_page *sheet, const char *day)
{
    static const char *const months[] = {"January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December"};
    char text[40];
    int month = day != NULL ? atoi(day + 5) : 0;

    if (month < 1 || month > 12) {
        iqm_page_add(sheet->page, "–");
        return;
    }
    snprintf(text, sizeof text, "%d %s %.4s", atoi(day + 8), months[month - 1], day);
    iqm_page_text(sheet->page, text);
}

void review_page_days(const struct review_page *sheet, const json_t *part)
{
    const char *from = iqm_rules_text(part, "starts_on"), *to = iqm_rules_text(part, "ends_on");

    if (from == NULL && to == NULL)
        return;
    review_page_day(sheet, from);
    iqm_page_add(sheet->page, " to ");
    review_page_day(sheet, to);
}

void review_page_word(const struct review_page *sheet, const char *word)
{
    static const struct {
        const char *word, *said;
    } words[] = {{"inclusive_school_award", "Inclusive School Award"},
        {"centre_of_excellence", "Centre of Excellence"}, {"flagship", "Flagship School"},
        {"not_recorded", "Not recorded"}, {"not_met", "Not met"}, {"not_awarded", "Not awarded"},
        {"signed_off", "Signed off"}, {"staff_exchange", "Staff exchange"}};
    char said[60];

    for (size_t i = 0; word != NULL && i < IQM_LENGTH(words); i++) {
        if (strcmp(words[i].word, word) == 0) {
            iqm_page_text(sheet->page, words[i].said);
            return;
        }
    }
    snprintf(said, sizeof said, "%s", word != NULL ? word : "–");
    if (said[0] >= 'a' && said[0] <= 'z')
        said[0] = (char)(said[0] - 'a' + 'A');
    iqm_page_text(sheet->page, said);
}

/* NULL: nobody whom the caller sees. */
static const char *name_of(const struct review_page *sheet, const char *id)
{
    return iqm_rules_text(
        iqm_rules_find(json_object_get(sheet->whole, "people"), "id", id), "name");
}

static unsigned add_name(const struct review_page *sheet, const char *name, unsigned before)
{
    if (name == NULL)
        return before;
    iqm_page_add(sheet->page, before > 0 ? ", " : "");
    iqm_page_text(sheet->page, name);
    return before + 1;
}

void review_page_names(const struct review_page *sheet, const json_t *ids, const json_t *groups)
{
    unsigned count = 0;
    size_t i;
    const json_t *one;

    json_array_foreach(ids, i, one) count =
        add_name(sheet, name_of(sheet, json_string_value(one)), count);
    json_array_foreach(groups, i, one) count = add_name(sheet, json_string_value(one), count);
    if (count == 0)
        iqm_page_add(sheet->page, "–");
}
