/* The record of processing: the operations, and the page to print. */
#include "iqm/page.h"
#include "contract_tables.h"
#include "privacy/processing_record/record.h"
#include "programme/step.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "–";
}

static void add_element(struct iqm_page *page, const char *element, const char *text)
{
    iqm_page_add(page, "<");
    iqm_page_add(page, element);
    iqm_page_add(page, ">");
    iqm_page_text(page, text);
    iqm_page_add(page, "</");
    iqm_page_add(page, element);
    iqm_page_add(page, ">\n");
}

static void add_term(struct iqm_page *page, const char *term, const char *text)
{
    add_element(page, "dt", term);
    add_element(page, "dd", text);
}

static void add_terms(struct iqm_page *page, const char *term, const json_t *texts)
{
    size_t i;
    const json_t *one;

    add_element(page, "dt", term);
    iqm_page_add(page, "<dd>");
    json_array_foreach(texts, i, one)
    {
        iqm_page_add(page, i > 0 ? "; " : "");
        iqm_page_text(page, json_string_value(one));
    }
    iqm_page_add(page, "</dd>\n");
}

/* Pairs of a name and what stands for it; the last has no name. */
struct word {
    const char *name, *said;
};

static const struct word words[] = {
    {"consent", "Consent (Article 6(1)(a))"},
    {"contract", "Contract (Article 6(1)(b))"},
    {"legal_obligation", "Legal obligation (Article 6(1)(c))"},
    {"vital_interests", "Vital interests (Article 6(1)(d))"},
    {"public_task", "Public task (Article 6(1)(e))"},
    {"legitimate_interests", "Legitimate interests (Article 6(1)(f))"},
    {"identifies", "Tells who somebody is"},
    {"may_mention", "Text that may name somebody"},
    {"erase", "Erased"},
    {"anonymise", "Made anonymous"},
    {"delete", "Deleted"},
    {"anonymise", "The record stays without what is personal"},
    {"keep", "Kept"},
    {NULL, NULL},
};

static const char *said(const char *name)
{
    const struct word *word = words;

    while (word->name != NULL && strcmp(word->name, name) != 0)
        word++;
    return word->name != NULL ? word->said : name;
}

/* A table whose columns are named by `heads` and hold the members `keys` of each row; both end
 * with NULL. */
static void add_table(struct iqm_page *page, const char *caption, const char *const *heads,
    const char *const *keys, const json_t *rows)
{
    size_t i;
    const json_t *row;

    iqm_page_add(page, "<table>");
    add_element(page, "caption", caption);
    iqm_page_add(page, "<thead><tr>");
    for (; *heads != NULL; heads++) {
        iqm_page_add(page, "<th scope=\"col\">");
        iqm_page_text(page, *heads);
        iqm_page_add(page, "</th>");
    }
    iqm_page_add(page, "</tr></thead>\n<tbody>\n");
    json_array_foreach(rows, i, row)
    {
        iqm_page_add(page, "<tr>");
        for (const char *const *key = keys; *key != NULL; key++)
            add_element(page, "td", said(text_of(row, *key)));
        iqm_page_add(page, "</tr>\n");
    }
    iqm_page_add(page, "</tbody></table>\n");
}

static void add_list(struct iqm_page *page, const char *heading, const json_t *texts)
{
    size_t i;
    const json_t *one;

    iqm_page_add(page, "<section>");
    add_element(page, "h2", heading);
    iqm_page_add(page, json_array_size(texts) > 0 ? "<ul>\n" : "<p>None.</p>");
    json_array_foreach(texts, i, one) add_element(page, "li", json_string_value(one));
    iqm_page_add(page, json_array_size(texts) > 0 ? "</ul></section>\n" : "</section>\n");
}

static void add_controller(struct iqm_page *page, const json_t *controller)
{
    iqm_page_add(page, "<section>");
    add_element(page, "h2", "Controller");
    iqm_page_add(page, "<dl>");
    add_term(page, "Name", text_of(controller, "name"));
    add_term(page, "Contact", text_of(controller, "contact"));
    add_term(page, "Representative", text_of(controller, "representative"));
    add_term(page, "Data protection officer", text_of(controller, "protection_officer"));
    iqm_page_add(page, "</dl></section>\n");
}

static void add_purpose(struct iqm_page *page, const json_t *purpose)
{
    static const char *const heads[] = {"Where", "What", "Kind", "Kept as", NULL};
    static const char *const keys[] = {"of", "name", "kind", "retention", NULL};

    iqm_page_add(page, "<section>");
    add_element(page, "h2", text_of(purpose, "title"));
    add_element(page, "p", text_of(purpose, "description"));
    iqm_page_add(page, "<dl>");
    add_term(page, "Lawful basis", said(text_of(purpose, "basis")));
    add_terms(page, "Of whom", json_object_get(purpose, "subjects"));
    add_terms(page, "Recipients", json_object_get(purpose, "recipients"));
    iqm_page_add(page, "</dl>\n");
    add_table(page, "Personal data", heads, keys, json_object_get(purpose, "data"));
    iqm_page_add(page, "</section>\n");
}

static void add_keeping(struct iqm_page *page, const json_t *record)
{
    static const char *const heads[] = {"Class", "Of", "How long", "From", "Then", "Why", NULL};
    static const char *const keys[] = {"name", "title", "keep", "from", "then", "why", NULL};
    static const char *const place_heads[] = {"Table", "When a person is erased", "Ground", NULL};
    static const char *const place_keys[] = {"name", "on_erasure", "ground", NULL};

    iqm_page_add(page, "<section>");
    add_element(page, "h2", "Retention and erasure");
    add_table(page, "How long personal data is kept (durations as in ISO 8601)", heads, keys,
        json_object_get(record, "retention"));
    add_table(page, "Where it stands", place_heads, place_keys, json_object_get(record, "places"));
    iqm_page_add(page, "</section>\n");
}

void processing_record_reply_page(struct iqm_call *call, const json_t *record)
{
    struct iqm_page page;
    size_t i;
    const json_t *purpose;

    iqm_page_begin_document(&page, call, "Record of processing activities");
    add_controller(&page, json_object_get(record, "controller"));
    json_array_foreach(json_object_get(record, "purposes"), i, purpose) add_purpose(&page, purpose);
    add_keeping(&page, record);
    add_list(&page, "Security measures", json_object_get(record, "security"));
    add_list(&page, "Transfers to other countries", json_object_get(record, "transfers"));
    iqm_page_reply(call, 200, &page, NULL);
}
