/*
 * Lists: the filters and sorts the contract declares become one statement; a page goes on after the
 * last row of the one before by key and id, so that rows inserted meanwhile neither shift nor
 * repeat.
 */
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Identifiers come from the contract's tables, values are bound. */
struct statement {
    char name[120];
    char sql[2000];
    size_t length;
};

static void say(struct statement *statement, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct statement *statement, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof statement->sql - statement->length;

    va_start(arguments, format);
    int length = vsnprintf(statement->sql + statement->length, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        abort(); /* the contract's own names are too long: found by the first test of a list */
    statement->length += (size_t)length;
}

static unsigned bind_value(struct reading *reading, const char *text)
{
    reading->values[reading->value_count].text = text;
    return ++reading->value_count;
}

/* In the arena; "" when memory is out, which is no value's index. */
static const char *index_of(
    const struct reading *reading, const struct iqm_parameter *parameter, const char *value)
{
    const struct iqm_call *call = reading->call;
    char index[IQM_BLIND_INDEX_TEXT];

    iqm_blind_index(iqm_vault_secrets(call->vault), call->operation->resource->name,
        parameter->name, (struct iqm_slice){value, strlen(value)}, index);
    const char *copy = iqm_arena_string(call->arena, index);
    return copy != NULL ? copy : "";
}

static void add_filter(struct statement *statement, struct reading *reading,
    const struct iqm_parameter *parameter, const char *value)
{
    static const char *const comparisons[] = {[IQM_FILTER_EQ] = "=",
        [IQM_FILTER_GTE] = ">=",
        [IQM_FILTER_LTE] = "<=",
        [IQM_FILTER_LT] = "<",
        [IQM_FILTER_INDEX] = "="};
    const char *join = reading->value_count == 0 ? "WHERE" : "AND";
    unsigned number = bind_value(reading,
        parameter->filter == IQM_FILTER_INDEX ? index_of(reading, parameter, value) : value);

    if (parameter->filter == IQM_FILTER_PREFIX)
        say(statement,
            " %s lower(%s) COLLATE \"C\" ^@ lower($%u COLLATE \"en-x-icu\") COLLATE \"C\"", join,
            parameter->column, number);
    else
        say(statement, " %s %s %s $%u", join, parameter->column, comparisons[parameter->filter],
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

static void add_filters(struct statement *statement, struct reading *reading)
{
    const struct iqm_call *call = reading->call;
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
        add_filter(statement, reading, parameter, call->parameters[i].ptr);
        mask |= (uint64_t)1 << i;
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&reading->filters, hash, sizeof reading->filters);
    snprintf(statement->name, sizeof statement->name, "%s_%llx", call->operation->id,
        (unsigned long long)mask);
}

static const struct iqm_sort *find_sort(struct reading *reading)
{
    const struct iqm_resource *resource = reading->call->operation->resource;
    struct iqm_slice wanted = iqm_call_parameter(reading->call, "sort");

    if (wanted.ptr == NULL || resource->sorts == NULL)
        return NULL;
    for (unsigned i = 0; resource->sorts[i].value != NULL; i++) {
        if (iqm_slice_equal_string(wanted, resource->sorts[i].value)) {
            reading->sort = i + 1;
            return &resource->sorts[i];
        }
    }
    return NULL;
}

static int read_cursor(struct reading *reading, struct iqm_cursor *ret_cursor)
{
    struct iqm_call *call = reading->call;

    if (iqm_cursor_read(call->arena, iqm_call_parameter(call, "cursor"), ret_cursor) != 0)
        return iqm_cursor_refuse(call);
    if (ret_cursor->sort == reading->sort && ret_cursor->filters == reading->filters)
        return 0;
    iqm_problem_parameter(
        &call->problem, "cursor", "query", "belongs to a list with other filters or another order");
    return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
}

static int add_position(
    struct statement *statement, struct reading *reading, const struct iqm_sort *sort)
{
    struct iqm_cursor cursor;
    const char *join = reading->value_count == 0 ? "WHERE" : "AND";
    const char *beyond = sort != NULL && sort->descending ? "<" : ">";

    if (iqm_call_parameter(reading->call, "cursor").ptr == NULL)
        return 0;
    if (read_cursor(reading, &cursor) != 0)
        return IQM_EPROBLEM;
    reading->goes_on = true;
    char *id = iqm_arena_string(reading->call->arena, cursor.id);
    if (id == NULL)
        return iqm_problem_set(&reading->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    if (sort != NULL) {
        unsigned key = bind_value(reading, cursor.key);
        say(statement, " %s (%s, id) %s ($%u::%s, $%u::uuid)", join, sort->column, beyond, key,
            sort->type, bind_value(reading, id));
    } else {
        say(statement, " %s id > $%u::uuid", join, bind_value(reading, id));
    }
    strncat(statement->name, "_on", sizeof statement->name - strlen(statement->name) - 1);
    return 0;
}

static void add_order(
    struct statement *statement, struct reading *reading, const struct iqm_sort *sort)
{
    char *limit = iqm_arena_printf(reading->call->arena, "%u", reading->limit + 1);
    char order[16];

    if (sort != NULL)
        say(statement, " ORDER BY %s%s, id%s", sort->column, sort->descending ? " DESC" : "",
            sort->descending ? " DESC" : "");
    else
        say(statement, " ORDER BY id");
    say(statement, " LIMIT $%u::bigint", bind_value(reading, limit));
    snprintf(order, sizeof order, "_s%u", reading->sort);
    strncat(statement->name, order, sizeof statement->name - strlen(statement->name) - 1);
}

/* The id of the page's last row from its document: cheaper than a column of every row. */
static void copy_last_id(PGresult *rows, int last, struct iqm_cursor *cursor)
{
    json_t *document =
        json_loadb(PQgetvalue(rows, last, 0), (size_t)PQgetlength(rows, last, 0), 0, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));

    snprintf(cursor->id, sizeof cursor->id, "%s", id != NULL ? id : "");
    json_decref(document);
}

/* The cursor after row `last`; NULL when it is the last of all. */
static char *next_cursor(struct reading *reading, PGresult *rows, int last)
{
    struct iqm_cursor cursor = {.sort = (uint8_t)reading->sort, .filters = reading->filters};

    if (last < 0 || last + 1 >= PQntuples(rows))
        return NULL;
    copy_last_id(rows, last, &cursor);
    cursor.key = reading->sort != 0 ? PQgetvalue(rows, last, 1) : "";
    return iqm_cursor_write(reading->call->arena, &cursor);
}

static void answer_page(struct reading *reading)
{
    PGresult *rows = reading->batch.results[1];
    struct page page = {.arena = reading->call->arena};
    int count = page_open(&page, rows, 0, (int)reading->limit);
    bool any = false;

    for (int i = 0; i < count; i++) {
        struct iqm_slice document = reading_document(reading, i);
        if (document.ptr == NULL)
            continue;
        if (any)
            page_add(&page, ",", 1);
        page_add(&page, document.ptr, document.len);
        any = true;
    }
    page_reply(reading->call, &page, next_cursor(reading, rows, count - 1));
}

static int build(struct statement *statement, struct reading *reading)
{
    const struct iqm_sort *sort = find_sort(reading);
    const char *table = reading->call->operation->resource->name;

    reading->limit = (unsigned)atoi(iqm_call_parameter(reading->call, "limit").ptr);
    if (sort != NULL)
        say(statement, "SELECT doc, %s::text FROM %s", sort->column, table);
    else
        say(statement, "SELECT doc FROM %s", table);
    add_filters(statement, reading);
    if (add_position(statement, reading, sort) != 0)
        return IQM_EPROBLEM;
    add_order(statement, reading, sort);
    return 0;
}

void iqm_resource_list(struct iqm_call *call)
{
    struct statement *statement = iqm_arena_alloc(call->arena, sizeof *statement);

    if (statement == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    struct reading *reading = reading_begin(call, answer_page);
    if (reading == NULL)
        return;
    if (build(statement, reading) != 0) {
        iqm_pg_batch_clear(&reading->batch);
        call->state = NULL;
        call->release = NULL;
        iqm_auth_refuse(call);
        return;
    }
    iqm_pg_batch_add(
        &reading->batch, statement->name, statement->sql, reading->values, reading->value_count);
    reading_send(reading);
}
