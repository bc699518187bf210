/* What makes a school's record right beyond its form. */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define POSTCODE_MAX 8

/* The inward part is one digit and two letters, whatever the outward part (Royal Mail, PAF). */
static bool is_inward(const char *text)
{
    return isdigit((unsigned char)text[0]) && isupper((unsigned char)text[1]) &&
           isupper((unsigned char)text[2]);
}

/* One or two letters, a digit, and perhaps another digit or letter. */
static bool is_outward(const char *text, size_t len)
{
    size_t letters = 0;

    while (letters < len && isupper((unsigned char)text[letters]))
        letters++;
    if (letters < 1 || letters > 2 || len - letters < 1 || len - letters > 2)
        return false;
    return isdigit((unsigned char)text[letters]) && isalnum((unsigned char)text[len - 1]);
}

/* Capitals and one space. False when no UK postcode looks like that. */
static bool normalise_postcode(const char *text, char ret_postcode[static POSTCODE_MAX + 1])
{
    char letters[POSTCODE_MAX];
    size_t count = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == ' ')
            continue;
        if (count >= POSTCODE_MAX - 1)
            return false;
        letters[count++] = (char)toupper((unsigned char)*p);
    }
    letters[count] = '\0';
    if (count < 5 || !is_inward(letters + count - 3) || !is_outward(letters, count - 3))
        return false;
    snprintf(
        ret_postcode, POSTCODE_MAX + 1, "%.*s %.3s", (int)count - 3, letters, letters + count - 3);
    return true;
}

/* A wrong postcode that came with the register is kept until someone changes it. */
static int check_postcode(struct iqm_rules *rules)
{
    const char *postcode = iqm_rules_text(rules->document, "postcode");
    const char *before = iqm_rules_text(rules->before, "postcode");
    char normal[POSTCODE_MAX + 1];

    if (postcode == NULL || (before != NULL && strcmp(postcode, before) == 0))
        return 0;
    if (!normalise_postcode(postcode, normal))
        return iqm_problem_at(rules->problem, "/postcode", "is not a UK postcode, like SW1A 1AA");
    return json_object_set_new(rules->document, "postcode", json_string(normal)) == 0 ? 0
                                                                                      : IQM_ENOMEM;
}

static int check_ages(struct iqm_rules *rules)
{
    const json_t *low = json_object_get(rules->document, "low_age");
    const json_t *high = json_object_get(rules->document, "high_age");

    if (low != NULL && high != NULL && json_integer_value(low) > json_integer_value(high))
        return iqm_problem_at(rules->problem, "/high_age", "is lower than low_age");
    return 0;
}

static int check_dates(struct iqm_rules *rules)
{
    const char *opened = iqm_rules_text(rules->document, "open_date");
    const char *closed = iqm_rules_text(rules->document, "close_date");

    if (opened != NULL && closed != NULL && strcmp(closed, opened) < 0)
        return iqm_problem_at(rules->problem, "/close_date", "is before open_date");
    return 0;
}

static int check_laestab(struct iqm_rules *rules)
{
    const char *laestab = iqm_rules_text(rules->document, "laestab");
    const char *authority = iqm_rules_text(rules->document, "local_authority_code");

    if (laestab != NULL && authority != NULL && strncmp(laestab, authority, 3) != 0)
        return iqm_problem_at(
            rules->problem, "/laestab", "does not start with local_authority_code");
    return 0;
}

int iqm_rules_school(struct iqm_rules *rules)
{
    static int (*const checks[])(struct iqm_rules *) = {
        check_postcode, check_ages, check_dates, check_laestab};
    int error = 0;

    for (size_t i = 0; i < IQM_LENGTH(checks); i++) {
        int found = checks[i](rules);
        error = found != 0 ? found : error;
    }
    return error;
}
