/*
 * Validates JSON and parameters against the contract's tables and says what is wrong in sentences
 * for people. Knows no resource's own rules. Costs no more than the size of the value suggests,
 * however hostile: pointers are rendered only for violations that are kept.
 */
#include "iqm/problem.h"
#include "iqm/text.h"
#include "patterns.h"
#include "suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define POINTER_MAX 900 /* a longer pointer ends at the container it would point into */
#define QUOTED_MAX 60
#define CHOICES_MAX 700

/* The way from the whole to the value at hand, from its end. */
struct step {
    const struct step *parent;
    const char *name; /* NULL for an array item */
    size_t index;
};

struct run {
    const struct iqm_contract *contract;
    struct iqm_problem *problem;
    const struct iqm_parameter *parameter; /* NULL for a body */
    const char *pointer;                   /* of the whole */
    bool for_request;
};

/* Appends one reference token, escaped; false, and nothing appended, when it does not fit. */
static bool append_token(char *out, size_t *len, const char *token)
{
    size_t at = *len;
    out[at++] = '/';
    for (; *token != '\0'; token++) {
        if (at + 2 >= POINTER_MAX)
            return false;
        if (*token == '~' || *token == '/') {
            out[at++] = '~';
            out[at++] = *token == '~' ? '0' : '1';
        } else {
            out[at++] = *token;
        }
    }
    *len = at;
    return true;
}

static bool append_step(char *out, size_t *len, const struct step *step)
{
    if (step == NULL)
        return true;
    if (!append_step(out, len, step->parent) || *len + 24 >= POINTER_MAX)
        return false;
    if (step->name != NULL)
        return append_token(out, len, step->name);
    int written = snprintf(out + *len, POINTER_MAX - *len, "/%zu", step->index);
    *len += (size_t)written;
    return true;
}

static void render_pointer(const struct run *run, const struct step *step, char out[POINTER_MAX])
{
    size_t len = iqm_text_cut(run->pointer, strlen(run->pointer), POINTER_MAX / 2);
    memcpy(out, run->pointer, len);
    append_step(out, &len, step);
    out[len] = '\0';
}

static const char *place_name(uint8_t in)
{
    static const char *const names[] = {"path", "query", "header"};
    return names[in];
}

static void report(const struct run *run, const struct step *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(const struct run *run, const struct step *step, const char *format, ...)
{
    struct iqm_problem *problem = run->problem;
    if (problem->violation_count >= IQM_PROBLEM_VIOLATIONS_MAX) {
        problem->violation_total++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    const char *detail = iqm_arena_vprintf(problem->arena, format, arguments);
    va_end(arguments);
    if (detail == NULL)
        detail = "is not valid";
    if (run->parameter != NULL) {
        const char *in = place_name(run->parameter->in);
        if (step != NULL)
            iqm_problem_parameter(
                problem, run->parameter->name, in, "item %zu %s", step->index, detail);
        else
            iqm_problem_parameter(problem, run->parameter->name, in, "%s", detail);
    } else {
        char pointer[POINTER_MAX];
        render_pointer(run, step, pointer);
        iqm_problem_at(problem, pointer, "%s", detail);
    }
}

static uint8_t type_bits(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
        return IQM_JSON_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return IQM_JSON_BOOLEAN;
    case JSON_INTEGER:
        return IQM_JSON_INTEGER | IQM_JSON_NUMBER;
    case JSON_REAL:
        return IQM_JSON_NUMBER;
    case JSON_STRING:
        return IQM_JSON_STRING;
    case JSON_ARRAY:
        return IQM_JSON_ARRAY;
    case JSON_OBJECT:
        return IQM_JSON_OBJECT;
    }
    return 0;
}

/* "a string or null", null last. */
static void name_types(uint8_t types, char out[128])
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{IQM_JSON_STRING, "a string"}, {IQM_JSON_INTEGER, "an integer"},
        {IQM_JSON_NUMBER, "a number"}, {IQM_JSON_BOOLEAN, "true or false"},
        {IQM_JSON_ARRAY, "an array"}, {IQM_JSON_OBJECT, "an object"}, {IQM_JSON_NULL, "null"}};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < IQM_LENGTH(names); i++) {
        if ((types & names[i].bit) == 0)
            continue;
        const char *joint = len > 0 ? " or " : "";
        len += (size_t)snprintf(out + len, 128 - len, "%s%s", joint, names[i].name);
    }
}

static const char *name_actual(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
        return "null";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or an exponent";
    case JSON_STRING:
        return "a string";
    case JSON_ARRAY:
        return "an array";
    case JSON_OBJECT:
        return "an object";
    }
    return "something else";
}

/* "open, closed" as far as there is room. */
static void name_choices(const char *const *choices, char out[CHOICES_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (; *choices != NULL; choices++) {
        if (len + strlen(*choices) + 8 >= CHOICES_MAX) {
            snprintf(out + len, CHOICES_MAX - len, ", …");
            return;
        }
        len +=
            (size_t)snprintf(out + len, CHOICES_MAX - len, "%s%s", len > 0 ? ", " : "", *choices);
    }
}

static const char *describe_format(uint8_t format)
{
    switch ((enum iqm_format)format) {
    case IQM_FORMAT_UUID:
        return "a UUID in lower-case hexadecimal";
    case IQM_FORMAT_DATE:
        return "a date that exists, such as 2026-11-23";
    case IQM_FORMAT_DATE_TIME:
        return "a time in UTC such as 2026-11-23T18:30:00Z";
    case IQM_FORMAT_EMAIL:
        return "an e-mail address";
    case IQM_FORMAT_URI:
        return "an http or https address such as https://example.org/";
    case IQM_FORMAT_NONE:
        break;
    }
    return "valid";
}

static void check_choice(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, struct iqm_slice text)
{
    for (const char *const *choice = schema->enumeration; *choice != NULL; choice++)
        if (iqm_slice_equal_string(text, *choice))
            return;
    char choices[CHOICES_MAX];
    name_choices(schema->enumeration, choices);
    report(run, step, "must be one of: %s", choices);
}

/* Whether the length is within its bounds; tells when it is not. */
static bool check_length(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, struct iqm_slice text)
{
    size_t length = iqm_text_length(text.ptr, text.len);
    if (length < schema->min_length) {
        if (schema->min_length == 1)
            report(run, step, "must not be empty");
        else
            report(run, step, "must be at least %" PRIu32 " characters, is %zu", schema->min_length,
                length);
        return false;
    }
    if (schema->max_length != IQM_NO_LIMIT && length > schema->max_length) {
        const char *plural = schema->max_length == 1 ? "" : "s";
        report(run, step, "must be at most %" PRIu32 " character%s, is %zu", schema->max_length,
            plural, length);
        return false;
    }
    size_t words = schema->max_words == 0 ? 0 : iqm_text_words(text.ptr, text.len);
    if (words > schema->max_words) {
        report(run, step, "must be at most %" PRIu32 " words, is %zu", schema->max_words, words);
        return false;
    }
    return true;
}

static void report_pattern(
    const struct run *run, const struct iqm_schema *schema, const struct step *step)
{
    if (schema->example != NULL)
        report(run, step, "must be like %s; the pattern is %s", schema->example, schema->pattern);
    else
        report(run, step, "must match the pattern %s", schema->pattern);
}

static void check_string(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, struct iqm_slice text)
{
    if (schema->enumeration != NULL)
        check_choice(run, schema, step, text);
    /* What has the wrong length is not matched as well: one reason is enough, and cheaper. */
    if (!check_length(run, schema, step, text))
        return;
    if (schema->pattern != NULL && !iqm_patterns_match(run->contract, schema, text.ptr, text.len))
        report_pattern(run, schema, step);
    else if (schema->format != IQM_FORMAT_NONE &&
             !iqm_format_matches((enum iqm_format)schema->format, text.ptr, text.len))
        report(run, step, "must be %s", describe_format(schema->format));
}

static void check_integer(
    const struct run *run, const struct iqm_schema *schema, const struct step *step, int64_t value)
{
    if (schema->has_minimum && value < schema->minimum)
        report(run, step, "must be at least %" PRId64 ", is %" PRId64, schema->minimum, value);
    if (schema->has_maximum && value > schema->maximum)
        report(run, step, "must be at most %" PRId64 ", is %" PRId64, schema->maximum, value);
}

static void check_real(
    const struct run *run, const struct iqm_schema *schema, const struct step *step, double value)
{
    if (schema->has_minimum && value < (double)schema->minimum)
        report(run, step, "must be at least %" PRId64 ", is %g", schema->minimum, value);
    if (schema->has_maximum && value > (double)schema->maximum)
        report(run, step, "must be at most %" PRId64 ", is %g", schema->maximum, value);
}

static void check_value(
    const struct run *run, uint16_t number, const struct step *step, const json_t *value);

static void release(json_t **value)
{
    json_decref(*value);
}

/* The contract's compiler lets only arrays of strings be unique. */
static void check_unique(const struct run *run, const struct step *step, const json_t *array)
{
    IQM_CLEANUP(release) json_t *seen = json_object();
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        const char *text = json_string_value(item);
        const json_t *first = text != NULL ? json_object_get(seen, text) : NULL;
        struct step at = {step, NULL, index};
        if (first != NULL)
            report(
                run, &at, "must differ from item %" JSON_INTEGER_FORMAT, json_integer_value(first));
        else if (text != NULL)
            json_object_set_new_nocheck(seen, text, json_integer((json_int_t)index));
    }
}

static void check_array(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const json_t *array)
{
    size_t count = json_array_size(array);
    if (count < schema->min_items)
        report(run, step, "must have at least %" PRIu32 " item%s, has %zu", schema->min_items,
            schema->min_items == 1 ? "" : "s", count);
    if (schema->max_items != IQM_NO_LIMIT && count > schema->max_items)
        report(run, step, "must have at most %" PRIu32 " item%s, has %zu", schema->max_items,
            schema->max_items == 1 ? "" : "s", count);
    bool looks_in = schema->items != IQM_NO_SCHEMA && !schema->items_apart;
    for (size_t i = 0; looks_in && i < count; i++) {
        struct step at = {step, NULL, i};
        check_value(run, schema->items, &at, json_array_get(array, i));
    }
    if (schema->unique_items)
        check_unique(run, step, array);
}

/* Checks the members the schema names; returns how many of them are there. */
static size_t check_members(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const json_t *object)
{
    size_t found = 0;
    for (size_t i = 0; i < schema->member_count; i++) {
        const struct iqm_member *member = &schema->members[i];
        const json_t *value = json_object_get(object, member->name);
        struct step at = {step, member->name, 0};
        bool is_excused = run->for_request && (member->flags & IQM_MEMBER_READ_ONLY) != 0;
        if (value != NULL) {
            check_value(run, member->schema, &at, value);
            found++;
        } else if ((member->flags & IQM_MEMBER_REQUIRED) != 0 && !is_excused) {
            report(run, &at, "is required");
        }
    }
    return found;
}

static bool is_member(const struct iqm_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->member_count; i++)
        if (strcmp(schema->members[i].name, name) == 0)
            return true;
    return false;
}

static void report_unknown(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const char *name)
{
    const char *suggestion = iqm_suggest_member(schema, name, strlen(name));
    const char *whole = schema->name != NULL ? schema->name : "this object";
    struct step at = {step, name, 0};
    if (suggestion != NULL)
        report(run, &at, "is not a member of %s; did you mean \"%s\"?", whole, suggestion);
    else
        report(run, &at, "is not a member of %s", whole);
}

/* A pointer to an overlong name ends before it: then the sentence quotes the name's start. */
static void report_long(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const char *name)
{
    const char *whole = schema->name != NULL ? schema->name : "this object";
    int cut = (int)iqm_text_cut(name, strlen(name), QUOTED_MAX);
    report(run, step, "\"%.*s…\" is not a member of %s", cut, name, whole);
}

/* Reports `count` unknown members; those beyond the bound of a problem are only counted. */
static void check_unknown(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const json_t *object, size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (count == 0)
            return;
        if (run->problem->violation_count >= IQM_PROBLEM_VIOLATIONS_MAX) {
            run->problem->violation_total += count;
            return;
        }
        if (is_member(schema, name))
            continue;
        if (strlen(name) > POINTER_MAX / 4)
            report_long(run, schema, step, name);
        else
            report_unknown(run, schema, step, name);
        count--;
    }
}

static void check_additional(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        struct step at = {step, name, 0};
        if (!is_member(schema, name))
            check_value(run, schema->additional, &at, value);
    }
}

static void check_object(const struct run *run, const struct iqm_schema *schema,
    const struct step *step, const json_t *object)
{
    size_t found = check_members(run, schema, step, object);
    size_t others = json_object_size(object) - found;
    if (schema->additional != IQM_NO_SCHEMA && others > 0)
        check_additional(run, schema, step, object);
    else if (schema->closed && others > 0)
        check_unknown(run, schema, step, object, others);
}

static void check_value(
    const struct run *run, uint16_t number, const struct step *step, const json_t *value)
{
    const struct iqm_schema *schema = &run->contract->schemas[number];
    if (schema->types != 0 && (schema->types & type_bits(value)) == 0) {
        char types[128];
        name_types(schema->types, types);
        report(run, step, "must be %s, is %s", types, name_actual(value));
    } else if (json_is_string(value)) {
        struct iqm_slice text = {json_string_value(value), json_string_length(value)};
        check_string(run, schema, step, text);
    } else if (json_is_integer(value)) {
        check_integer(run, schema, step, json_integer_value(value));
    } else if (json_is_real(value)) {
        check_real(run, schema, step, json_real_value(value));
    } else if (json_is_array(value)) {
        check_array(run, schema, step, value);
    } else if (json_is_object(value)) {
        check_object(run, schema, step, value);
    }
}

int iqm_contract_validate(const struct iqm_contract *contract, uint16_t schema, const json_t *value,
    const char *pointer, bool for_request, struct iqm_problem *problem)
{
    size_t before = problem->violation_total;
    struct run run = {contract, problem, NULL, pointer, for_request};
    check_value(&run, schema, NULL, value);
    return problem->violation_total == before ? 0 : IQM_EPROBLEM;
}

/* A whole decimal int64 as JSON writes it. */
static int parse_integer(struct iqm_slice text, int64_t *ret_value)
{
    char digits[24];
    size_t sign = text.len > 0 && text.ptr[0] == '-';
    if (text.len <= sign || text.len >= sizeof(digits))
        return IQM_EINVAL;
    if (text.ptr[sign] == '0' && text.len > 1)
        return IQM_EINVAL;
    for (size_t i = sign; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return IQM_EINVAL;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    errno = 0;
    intmax_t value = strtoimax(digits, NULL, 10);
    if (errno != 0 || value < INT64_MIN || value > INT64_MAX)
        return IQM_EINVAL;
    *ret_value = value;
    return 0;
}

static void check_parameter_integer(
    const struct run *run, const struct iqm_schema *schema, struct iqm_slice text)
{
    int64_t value = 0;
    if (parse_integer(text, &value) != 0)
        report(run, NULL, "must be an integer");
    else
        check_integer(run, schema, NULL, value);
}

/* What stands between commas, as an array of strings; NULL when memory is out. */
static json_t *split_list(struct iqm_slice text)
{
    json_t *array = json_array();
    const char *end = text.ptr + text.len, *from = text.ptr;

    while (array != NULL) {
        const char *comma = memchr(from, ',', (size_t)(end - from));
        size_t length = (size_t)((comma != NULL ? comma : end) - from);
        if (json_array_append_new(array, json_stringn(from, length)) != 0) {
            json_decref(array);
            return NULL;
        }
        if (comma == NULL)
            break;
        from = comma + 1;
    }
    return array;
}

static void check_parameter_list(
    const struct run *run, const struct iqm_schema *schema, struct iqm_slice text)
{
    json_t *array = split_list(text);

    if (array == NULL)
        report(run, NULL, "cannot be read");
    else
        check_array(run, schema, NULL, array);
    json_decref(array);
}

int iqm_contract_validate_parameter(const struct iqm_contract *contract,
    const struct iqm_parameter *parameter, struct iqm_slice text, struct iqm_problem *problem)
{
    const struct iqm_schema *schema = &contract->schemas[parameter->schema];
    size_t before = problem->violation_total;
    struct run run = {contract, problem, parameter, "", true};
    if (!iqm_text_is_utf8(text.ptr, text.len)) {
        report(&run, NULL, "must be UTF-8 without NUL");
    } else if ((schema->types & IQM_JSON_INTEGER) != 0) {
        check_parameter_integer(&run, schema, text);
    } else if ((schema->types & IQM_JSON_BOOLEAN) != 0) {
        if (!iqm_slice_equal_string(text, "true") && !iqm_slice_equal_string(text, "false"))
            report(&run, NULL, "must be true or false");
    } else if ((schema->types & IQM_JSON_ARRAY) != 0) {
        check_parameter_list(&run, schema, text);
    } else {
        check_string(&run, schema, NULL, text);
    }
    return problem->violation_total == before ? 0 : IQM_EPROBLEM;
}
