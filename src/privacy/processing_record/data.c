/* What is processed for a purpose: members, parameters and columns that are declared so. */
#include "privacy/processing_record/record.h"

#include <string.h>

/* One look for the strings of a purpose, at one schema, operation or table at a time. */
struct look {
    struct iqm_call *call;
    const char *purpose, *source, *of;
    json_t *found;
    bool failed;
};

static void add(struct look *look, uint8_t personal, const char *purpose, const char *retention,
    const char *name)
{
    if (personal == IQM_PERSONAL_NEVER || strcmp(purpose, look->purpose) != 0)
        return;
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s}", "source", look->source, "of", look->of,
        "name", name, "kind", personal == IQM_PERSONAL_IDENTIFIES ? "identifies" : "may_mention",
        "retention", retention);
    if (json_array_append_new(look->found, data) != 0)
        look->failed = true;
}

static void add_inside(struct look *look, const struct iqm_schema *schema, const char *name);

/* What has a name of its own is looked into by itself. */
static void add_child(
    struct look *look, uint16_t number, const char *before, const char *mark, const char *name)
{
    const char *path = iqm_arena_printf(look->call->arena, "%s%s%s", before, mark, name);

    if (path == NULL) {
        look->failed = true;
        return;
    }
    const struct iqm_schema *child = &look->call->contract->schemas[number];
    add(look, child->personal, child->purpose, child->retention, path);
    if (child->name == NULL)
        add_inside(look, child, path);
}

static void add_inside(struct look *look, const struct iqm_schema *schema, const char *name)
{
    for (uint16_t i = 0; i < schema->member_count; i++)
        add_child(look, schema->members[i].schema, name, *name != '\0' ? "." : "",
            schema->members[i].name);
    if (schema->items != IQM_NO_SCHEMA)
        add_child(look, schema->items, name, "[]", "");
    if (schema->additional != IQM_NO_SCHEMA)
        add_child(look, schema->additional, name, *name != '\0' ? "." : "", "*");
}

static void look_at_schemas(struct look *look)
{
    const struct iqm_contract *contract = look->call->contract;

    look->source = "member";
    for (size_t i = 0; i < contract->schema_count; i++) {
        look->of = contract->schemas[i].name;
        if (look->of != NULL)
            add_inside(look, &contract->schemas[i], "");
    }
}

/* Parameters, and bodies whose schema has no name. */
static void look_at_operations(struct look *look)
{
    const struct iqm_contract *contract = look->call->contract;

    for (size_t i = 0; i < contract->operation_count; i++) {
        const struct iqm_operation *operation = &contract->operations[i];
        look->of = operation->id;
        look->source = "parameter";
        for (uint8_t k = 0; k < operation->parameter_count; k++)
            add_child(look, operation->parameters[k].schema, "", "", operation->parameters[k].name);
        look->source = "member";
        if (operation->body_schema != IQM_NO_SCHEMA &&
            contract->schemas[operation->body_schema].name == NULL)
            add_inside(look, &contract->schemas[operation->body_schema], "");
    }
}

static void look_at_places(struct look *look)
{
    const struct iqm_contract *contract = look->call->contract;

    look->source = "column";
    for (size_t i = 0; i < contract->place_count; i++) {
        const struct iqm_place *place = &contract->places[i];
        look->of = place->name;
        for (size_t k = 0; k < place->column_count; k++)
            add(look, place->columns[k].personal, place->columns[k].purpose,
                place->columns[k].retention, place->columns[k].name);
    }
}

json_t *processed_data(struct iqm_call *call, const char *purpose)
{
    struct look look = {.call = call, .purpose = purpose, .found = json_array()};

    look_at_schemas(&look);
    look_at_operations(&look);
    look_at_places(&look);
    if (!look.failed)
        return look.found;
    json_decref(look.found);
    return NULL;
}
