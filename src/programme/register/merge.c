/*
 * What the register changed goes in, what people changed here stays: the three-way merge.
 * Pure: documents in, a document out. Must not touch members that the register does not own.
 */
#include "programme/register/record.h"

#include <string.h>

/* Which columns a member is made of: it is known only where all are in the file. */
static const struct {
    const char *member;
    enum iqm_register_column columns[3];
    size_t count;
} sources[] = {
    {"urn", {IQM_COLUMN_URN}, 1},
    {"laestab", {IQM_COLUMN_LA_CODE, IQM_COLUMN_NUMBER}, 2},
    {"ukprn", {IQM_COLUMN_UKPRN}, 1},
    {"name", {IQM_COLUMN_NAME}, 1},
    {"status", {IQM_COLUMN_STATUS}, 1},
    {"phase", {IQM_COLUMN_PHASE}, 1},
    {"type", {IQM_COLUMN_TYPE}, 1},
    {"gender", {IQM_COLUMN_GENDER}, 1},
    {"religious_character", {IQM_COLUMN_RELIGION}, 1},
    {"local_authority_code", {IQM_COLUMN_LA_CODE}, 1},
    {"local_authority_name", {IQM_COLUMN_LA_NAME}, 1},
    {"region", {IQM_COLUMN_REGION}, 1},
    {"nation", {IQM_COLUMN_COUNTRY, IQM_COLUMN_REGION, IQM_COLUMN_LA_CODE}, 3},
    {"street", {IQM_COLUMN_STREET}, 1},
    {"locality", {IQM_COLUMN_LOCALITY}, 1},
    {"address_3", {IQM_COLUMN_ADDRESS_3}, 1},
    {"town", {IQM_COLUMN_TOWN}, 1},
    {"county", {IQM_COLUMN_COUNTY}, 1},
    {"postcode", {IQM_COLUMN_POSTCODE}, 1},
    {"telephone", {IQM_COLUMN_TELEPHONE}, 1},
    {"website", {IQM_COLUMN_WEBSITE}, 1},
    {"low_age", {IQM_COLUMN_LOW_AGE}, 1},
    {"high_age", {IQM_COLUMN_HIGH_AGE}, 1},
    {"open_date", {IQM_COLUMN_OPEN_DATE}, 1},
    {"close_date", {IQM_COLUMN_CLOSE_DATE}, 1},
};

static bool is_known(const struct iqm_register_columns *columns, size_t source)
{
    size_t present = 0;
    for (size_t i = 0; i < sources[source].count; i++)
        present += columns->present[sources[source].columns[i]];
    return present == sources[source].count;
}

/* A member's value; NULL for none, as which a JSON null counts too. */
static json_t *value_of(const json_t *document, const char *member)
{
    json_t *value = document ? json_object_get(document, member) : NULL;
    return json_is_null(value) ? NULL : value;
}

static bool same(const json_t *a, const json_t *b)
{
    return a == b || (a && b && json_equal(a, b));
}

/* Sets a member unless there is no value. */
static int put(json_t *document, const char *member, json_t *value)
{
    return value && json_object_set(document, member, value) < 0 ? IQM_ENOMEM : 0;
}

json_t *iqm_register_carry(
    const struct iqm_register_columns *columns, const json_t *base, json_t *record)
{
    json_t *carried = json_object();
    for (size_t i = 0; carried && i < IQM_LENGTH(sources); i++) {
        const char *member = sources[i].member;
        json_t *value = value_of(is_known(columns, i) ? record : base, member);
        if (put(carried, member, value) < 0) {
            json_decref(carried);
            return NULL;
        }
    }
    return carried;
}

/* The member's value after the merge. */
static json_t *choose(
    const json_t *base, const json_t *ours, const json_t *theirs, const char *member)
{
    json_t *before = value_of(base, member);
    json_t *here = value_of(ours, member);
    json_t *there = value_of(theirs, member);
    return same(there, before) || !same(here, before) ? here : there;
}

static bool ages_clash(const json_t *low, const json_t *high)
{
    return json_integer_value(low) > json_integer_value(high);
}

static bool dates_clash(const json_t *opened, const json_t *closed)
{
    return json_is_string(opened) && json_is_string(closed) &&
           strcmp(json_string_value(closed), json_string_value(opened)) < 0;
}

static bool codes_clash(const json_t *authority, const json_t *laestab)
{
    return json_is_string(authority) && json_is_string(laestab) &&
           strncmp(json_string_value(laestab), json_string_value(authority), 3) != 0;
}

/* Members that must fit each other: a person's edit of one and the register's of the other may not
 * be put together when they contradict. */
static const struct pair {
    const char *first, *second;
    bool (*clash)(const json_t *first, const json_t *second);
} pairs[] = {
    {"low_age", "high_age", ages_clash},
    {"open_date", "close_date", dates_clash},
    {"local_authority_code", "laestab", codes_clash},
};

static const struct pair *pair_of(const char *member)
{
    for (size_t i = 0; i < IQM_LENGTH(pairs); i++)
        if (strcmp(pairs[i].first, member) == 0 || strcmp(pairs[i].second, member) == 0)
            return &pairs[i];
    return NULL;
}

/* As choose(), but both of a pair stay as they are here where the choice would not fit together. */
static json_t *choose_fitting(
    const json_t *base, const json_t *ours, const json_t *theirs, const char *member)
{
    const struct pair *pair = pair_of(member);
    const json_t *first = pair ? choose(base, ours, theirs, pair->first) : NULL;
    const json_t *second = pair ? choose(base, ours, theirs, pair->second) : NULL;
    if (first && second && pair->clash(first, second))
        return value_of(ours, member);
    return choose(base, ours, theirs, member);
}

static bool is_register_member(const char *member)
{
    for (const char *const *name = iqm_register_members; *name; name++)
        if (strcmp(*name, member) == 0)
            return true;
    return false;
}

static const char *const heads[] = {"id", "version", "created_at", "updated_at"};

static bool is_head(const char *member)
{
    for (size_t i = 0; i < IQM_LENGTH(heads); i++)
        if (strcmp(heads[i], member) == 0)
            return true;
    return false;
}

/* What the register does not own follows its members, in the order it had. */
static int put_rest(json_t *merged, const json_t *ours)
{
    const char *member;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)ours, member, value)
    {
        if (is_head(member) || is_register_member(member))
            continue;
        if (json_object_set(merged, member, value) < 0)
            return IQM_ENOMEM;
    }
    return 0;
}

static int fill(
    json_t *merged, const json_t *base, const json_t *ours, const json_t *theirs, bool *ret_changed)
{
    for (size_t i = 0; i < IQM_LENGTH(heads); i++)
        if (put(merged, heads[i], json_object_get(ours, heads[i])) < 0)
            return IQM_ENOMEM;
    for (const char *const *name = iqm_register_members; *name; name++) {
        json_t *here = value_of(ours, *name);
        json_t *value = choose_fitting(base, ours, theirs, *name);
        *ret_changed = *ret_changed || !same(value, here);
        if (put(merged, *name, value) < 0)
            return IQM_ENOMEM;
    }
    return put_rest(merged, ours);
}

int iqm_register_merge(
    const json_t *base, const json_t *ours, const json_t *theirs, json_t **ret_merged)
{
    json_t *merged = json_object();
    bool changed = false;
    if (!merged)
        return IQM_ENOMEM;
    int r = fill(merged, base, ours, theirs, &changed);
    if (r < 0 || !changed) {
        json_decref(merged);
        merged = NULL;
    }
    if (r == 0)
        *ret_merged = merged;
    return r;
}
