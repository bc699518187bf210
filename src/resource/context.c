/* What a resource's rules want to see of other rows: asking its context statement. */
#include "context.h"

#include "contract_tables.h"

#include <string.h>

/* In the arena; NULL when memory is out. */
static const char *json_text(struct iqm_arena *arena, const json_t *value)
{
    size_t length = json_dumpb(value, NULL, 0, JSON_COMPACT);
    char *text = iqm_arena_alloc(arena, length + 1);

    if (text != NULL && json_dumpb(value, text, length, JSON_COMPACT) != length)
        return NULL;
    return text;
}

/* The context statement's parameters are members of the document, by name: a string as it is, what
 * is made of several as JSON. `day` is a step's day, else today. 0 or IQM_ENOMEM. */
static int context_value(const struct writing *writing, const char *name, const char **ret_text)
{
    const json_t *member = json_object_get(writing->document, name);

    if (strcmp(name, "transition") == 0 && writing->kind == WRITING_TRANSITION) {
        *ret_text = writing->call->operation->transition->name;
    } else if (strcmp(name, "day") == 0) {
        *ret_text = writing->kind == WRITING_TRANSITION ? writing->happened_on : writing->today;
    } else if (json_array_size(member) > 0 || json_object_size(member) > 0) {
        *ret_text = json_text(writing->call->arena, member);
        return *ret_text != NULL ? 0 : IQM_ENOMEM;
    } else {
        *ret_text = json_string_value(member);
    }
    return 0;
}

int context_take(struct writing *writing)
{
    const struct iqm_statement *statement = writing->resource->context;

    for (uint16_t i = 0; statement != NULL && i < statement->parameter_count; i++) {
        const char *text;
        if (context_value(writing, statement->parameters[i], &text) != 0)
            return iqm_problem_set(&writing->call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        writing->context_values[i].text = text;
        writing->asks = writing->asks || text != NULL;
    }
    return 0;
}

void context_add(struct writing *writing)
{
    const struct iqm_statement *statement = writing->resource->context;

    iqm_pg_batch_add(&writing->batch, statement->name, statement->sql, writing->context_values,
        statement->parameter_count);
}

const char *context_text(const struct writing *writing, const PGresult *rows)
{
    if (PQntuples(rows) == 0 || PQgetisnull(rows, 0, 0) == 1)
        return NULL;
    return iqm_arena_string(writing->call->arena, PQgetvalue(rows, 0, 0));
}
