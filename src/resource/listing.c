/*
 * The filters and sorts the contract declares become one statement; a page goes on after the last
 * row of the one before by key and id, so that rows inserted meanwhile neither shift nor repeat.
 * Identifiers come from the contract's tables, values are bound.
 */
#include "listing.h"

#include "contract_tables.h"
#include "iqm/vault.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(struct listing *listing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct listing *listing, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof listing->sql - listing->length;

    va_start(arguments, format);
    int length = vsnprintf(listing->sql + listing->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        abort(); /* the contract's own names are too long: found by the first test of a list */
    listing->length += (size_t)length;
}

static unsigned bind_value(struct listing *listing, const char *text)
{
    listing->values[listing->value_count].text = text;
    return ++listing->value_count;
}

/* In the arena; "" when memory is out, which is no value's index. */
static const char *index_of(
    const struct listing *listing, const struct iqm_parameter *parameter, const char *value)
{
    const struct iqm_call *call = listing->call;
    char index[IQM_BLIND_INDEX_TEXT];

    iqm_blind_index(iqm_vault_secrets(call->vault), call->operation->resource->name,
        parameter->name, (struct iqm_slice){value, strlen(value)}, index);
    const char *copy = iqm_arena_string(call->arena, index);
    return copy != NULL ? copy : "";
}

/* As the statement takes it; in the arena where it is not the value itself. */
static const char *bound_text(
    const struct listing *listing, const struct iqm_parameter *parameter, const char *value)
{
    const char *array;

    if (parameter->filter == IQM_FILTER_INDEX)
        return index_of(listing, parameter, value);
    if (parameter->filter != IQM_FILTER_AMONG)
        return value;
    array = iqm_arena_printf(listing->call->arena, "{%s}", value);
    return array != NULL ? array : "{}";
}

static void add_filter(
    struct listing *listing, const struct iqm_parameter *parameter, const char *value)
{
    static const char *const comparisons[] = {[IQM_FILTER_EQ] = "=",
        [IQM_FILTER_GTE] = ">=",
        [IQM_FILTER_LTE] = "<=",
        [IQM_FILTER_LT] = "<",
        [IQM_FILTER_INDEX] = "="};
    const char *join = listing->value_count == 0 ? "WHERE" : "AND";
    unsigned number = bind_value(listing, bound_text(listing, parameter, value));

    if (parameter->filter == IQM_FILTER_AMONG)
        say(listing, " %s %s = ANY ($%u::uuid[])", join, parameter->column, number);
    else if (parameter->filter == IQM_FILTER_PREFIX)
        say(listing, " %s lower(%s) COLLATE \"C\" ^@ lower($%u COLLATE \"en-x-icu\") COLLATE \"C\"",
            join, parameter->column, number);
    else
        say(listing, " %s %s %s $%u", join, parameter->column, comparisons[parameter->filter],
            number);
}

/* Everything that decides which rows and in which order, so that a cursor cannot be mixed up. */
static void note_filter(crypto_generichash_state *state, unsigned index, struct iqm_slice value)
{
    uint8_t head[2] = {(uint8_t)index, (uint8_t)(value.ptr != NULL)};

    crypto_generichash_update(state, head, sizeof head);
    if (value.ptr != NULL)
        crypto_generichash_update(state, (const unsigned char *)value.ptr, value.len + 1);
}

static void add_filters(struct listing *listing)
{
    const struct iqm_call *call = listing->call;
    crypto_generichash_state state;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t mask = 0;

    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (unsigned i = 0; i < call->operation->parameter_count; i++) {
        const struct iqm_parameter *parameter = &call->operation->parameters[i];
        if (parameter->filter == IQM_FILTER_NONE)
            continue;
        note_filter(&state, i, call->parameters[i]);
        if (call->parameters[i].ptr == NULL)
            continue;
        add_filter(listing, parameter, call->parameters[i].ptr);
        mask |= (uint64_t)1 << i;
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&listing->filters, hash, sizeof listing->filters);
    snprintf(listing->name, sizeof listing->name, "%s_%llx", call->operation->id,
        (unsigned long long)mask);
}

static void find_sort(struct listing *listing)
{
    const struct iqm_resource *resource = listing->call->operation->resource;
    struct iqm_slice wanted = iqm_call_parameter(listing->call, "sort");

    if (wanted.ptr == NULL || resource->sorts == NULL)
        return;
    for (unsigned i = 0; resource->sorts[i].value != NULL; i++) {
        if (iqm_slice_equal_string(wanted, resource->sorts[i].value)) {
            listing->sort = i + 1;
            listing->order = &resource->sorts[i];
        }
    }
}

static int read_cursor(struct listing *listing, struct iqm_cursor *ret_cursor)
{
    struct iqm_call *call = listing->call;

    if (iqm_cursor_read(call->arena, iqm_call_parameter(call, "cursor"), ret_cursor) != 0)
        return iqm_cursor_refuse(call);
    if (ret_cursor->sort == listing->sort && ret_cursor->filters == listing->filters)
        return 0;
    iqm_problem_parameter(
        &call->problem, "cursor", "query", "belongs to a list with other filters or another order");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int add_position(struct listing *listing)
{
    struct iqm_cursor cursor;
    const struct iqm_sort *sort = listing->order;
    const char *join = listing->value_count == 0 ? "WHERE" : "AND";
    const char *beyond = sort != NULL && sort->descending ? "<" : ">";

    if (iqm_call_parameter(listing->call, "cursor").ptr == NULL)
        return 0;
    if (read_cursor(listing, &cursor) != 0)
        return IQM_EPROBLEM;
    listing->goes_on = true;
    char *id = iqm_arena_string(listing->call->arena, cursor.id);
    if (id == NULL)
        return iqm_problem_set(&listing->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (sort != NULL) {
        unsigned key = bind_value(listing, cursor.key);
        say(listing, " %s (%s, id) %s ($%u::%s, $%u::uuid)", join, sort->column, beyond, key,
            sort->type, bind_value(listing, id));
    } else {
        say(listing, " %s id > $%u::uuid", join, bind_value(listing, id));
    }
    strncat(listing->name, "_on", sizeof listing->name - strlen(listing->name) - 1);
    return 0;
}

static void add_order(struct listing *listing)
{
    const struct iqm_sort *sort = listing->order;

    if (sort != NULL)
        say(listing, " ORDER BY %s%s, id%s", sort->column, sort->descending ? " DESC" : "",
            sort->descending ? " DESC" : "");
    else
        say(listing, " ORDER BY id");
}

static void add_limit(struct listing *listing)
{
    char *limit = iqm_arena_printf(listing->call->arena, "%u", listing->limit + 1);
    char order[16];

    say(listing, " LIMIT $%u::bigint", bind_value(listing, limit));
    snprintf(order, sizeof order, "_s%u", listing->sort);
    strncat(listing->name, order, sizeof listing->name - strlen(listing->name) - 1);
}

int listing_page(struct listing *listing)
{
    const char *table = listing->call->operation->resource->name;

    listing->limit = (unsigned)atoi(iqm_call_parameter(listing->call, "limit").ptr);
    find_sort(listing);
    if (listing->order != NULL)
        say(listing, "SELECT doc, %s::text FROM %s", listing->order->column, table);
    else
        say(listing, "SELECT doc FROM %s", table);
    add_filters(listing);
    if (add_position(listing) != 0)
        return IQM_EPROBLEM;
    add_order(listing);
    add_limit(listing);
    return 0;
}

void listing_whole(struct listing *listing, const char *select)
{
    find_sort(listing);
    say(listing, "%s FROM %s", select, listing->call->operation->resource->name);
    add_filters(listing);
    add_order(listing);
}
