/* Evidence is a link or a file, and stays that; a criterion is one of a framework. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <string.h>

static int check_kind(struct iqm_rules *rules)
{
    const char *kind = iqm_rules_text(rules->document, "kind");
    const char *was = iqm_rules_text(rules->before, "kind");
    const char *url = iqm_rules_text(rules->document, "url");
    bool is_link = strcmp(kind, "link") == 0;

    if (was != NULL && strcmp(was, kind) != 0)
        return iqm_problem_at(rules->problem, "/kind",
            "stays as it was made: a %s; make other evidence for the other", was);
    if (is_link && url == NULL)
        return iqm_problem_at(rules->problem, "/url", "is needed: this evidence is a link");
    if (!is_link && url != NULL)
        return iqm_problem_at(rules->problem, "/url",
            "must not be there: this evidence is a file, which is uploaded");
    return 0;
}

int iqm_rules_evidence(struct iqm_rules *rules)
{
    bool has_framework = iqm_rules_text(rules->document, "framework_id") != NULL;
    bool has_criterion = iqm_rules_text(rules->document, "criterion") != NULL;
    int error = check_kind(rules);

    if (has_criterion && !has_framework)
        error = iqm_problem_at(
            rules->problem, "/framework_id", "is needed: a criterion is one of a framework");
    return error;
}
