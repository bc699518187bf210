/* The parts of a plan or project, each with its own faults. Knows no SQL. */
#include "programme/parts.h"

#include "programme/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define POINTER_MAX 160

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

struct parts parts_of(struct iqm_rules *rules, const json_t *context, const char *member)
{
    return (struct parts){.rules = rules,
        .context = context,
        .member = member,
        .list = json_object_get(rules->document, member)};
}

int parts_at(const struct parts *parts, size_t index, const char *member, const char *format, ...)
{
    char pointer[POINTER_MAX], sentence[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    snprintf(pointer, sizeof pointer, "/%s/%zu%s%s", parts->member, index,
        member != NULL ? "/" : "", member != NULL ? member : "");
    return iqm_problem_at(parts->rules->problem, pointer, "%s", sentence);
}

static int check_key(const struct parts *parts, size_t index)
{
    const char *key = iqm_rules_text(json_array_get(parts->list, index), "key");

    for (size_t i = 0; i < index; i++) {
        if (same_text(iqm_rules_text(json_array_get(parts->list, i), "key"), key))
            return parts_at(parts, index, "key", "is the key of another before it");
    }
    return 0;
}

static int check_days(const struct parts *parts, size_t index)
{
    const json_t *part = json_array_get(parts->list, index);
    const char *from = iqm_rules_text(part, "starts_on"), *to = iqm_rules_text(part, "ends_on");

    if (from == NULL || to == NULL || strcmp(from, to) <= 0)
        return 0;
    return parts_at(parts, index, "ends_on", "is before starts_on");
}

/* Whether a part of the stored document names the person: who has left since may stay. */
static bool was_named(const struct parts *parts, const char *id)
{
    size_t i;
    const json_t *part;

    json_array_foreach(json_object_get(parts->rules->before, parts->member), i, part)
    {
        if (work_has_id(json_object_get(part, "responsible_person_ids"), id))
            return true;
    }
    return false;
}

static int check_people(const struct parts *parts, size_t index)
{
    const json_t *part = json_array_get(parts->list, index);
    const json_t *seen = json_object_get(parts->context, "people");
    int error = 0;
    size_t i;
    const json_t *person;

    json_array_foreach(json_object_get(part, "responsible_person_ids"), i, person)
    {
        const char *id = json_string_value(person);
        char member[60];
        if (work_has_id(seen, id) || was_named(parts, id))
            continue;
        snprintf(member, sizeof member, "responsible_person_ids/%zu", i);
        error = parts_at(parts, index, member, "refers to a record that does not exist");
    }
    return error;
}

int parts_check(const struct parts *parts)
{
    int error = 0;

    for (size_t i = 0; i < json_array_size(parts->list); i++)
        error |= check_key(parts, i) | check_days(parts, i) | check_people(parts, i);
    return error != 0 ? IQM_EPROBLEM : 0;
}

int parts_need(const struct parts *parts, size_t index, const char *member, const char *sentence)
{
    if (work_has_text(json_array_get(parts->list, index), member))
        return 0;
    return parts_at(parts, index, member, "%s", sentence);
}

int parts_need_days(
    const struct parts *parts, size_t index, const char *from, const char *to, const char *of_what)
{
    static const char *const members[] = {"starts_on", "ends_on"};
    const json_t *part = json_array_get(parts->list, index);
    int error = 0;

    for (size_t i = 0; i < IQM_LENGTH(members); i++) {
        const char *day = iqm_rules_text(part, members[i]);
        if (day == NULL)
            error = parts_at(parts, index, members[i], "is needed: the timescale");
        else if (from != NULL && (strcmp(day, from) < 0 || strcmp(day, to) > 0))
            error = parts_at(parts, index, members[i], "is outside %s, which runs from %s to %s",
                of_what, from, to);
    }
    return error;
}
