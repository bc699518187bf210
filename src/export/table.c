/* Which columns a schema comes to, and their cells in a document. */
#include "iqm/table.h"

#include "iqm/members.h"

#include <jansson.h>
#include <string.h>

/* A member: a column, or members of its own. */
struct iqm_table_part {
    const char *name;
    size_t column;
    struct iqm_table_part *parts; /* NULL: it is a column */
    struct iqm_table_part *next;
};

struct making {
    struct iqm_arena *arena;
    const struct iqm_contract *contract;
    struct iqm_table *table;
    uint16_t inner; /* schema of an object of any kind; IQM_NO_SCHEMA: such a one is a column */
    int error;
};

static uint8_t kind_of(const struct iqm_schema *schema)
{
    unsigned types = schema->types & ~(unsigned)IQM_JSON_NULL;

    if (types == IQM_JSON_INTEGER || types == IQM_JSON_NUMBER)
        return IQM_CELL_NUMBER;
    if (types == IQM_JSON_BOOLEAN)
        return IQM_CELL_BOOLEAN;
    if (schema->format == IQM_FORMAT_DATE)
        return IQM_CELL_DATE;
    return schema->format == IQM_FORMAT_DATE_TIME ? IQM_CELL_TIME : IQM_CELL_TEXT;
}

static const struct iqm_schema *schema_of(
    const struct making *making, const struct iqm_member *member)
{
    const struct iqm_schema *schemas = making->contract->schemas, *own = &schemas[member->schema];
    unsigned types = own->types & ~(unsigned)IQM_JSON_NULL;
    bool is_any = types == IQM_JSON_OBJECT && own->member_count == 0;

    return is_any && making->inner != IQM_NO_SCHEMA ? &schemas[making->inner] : own;
}

static bool has_members(const struct iqm_schema *schema)
{
    unsigned types = schema->types & ~(unsigned)IQM_JSON_NULL;

    return types == IQM_JSON_OBJECT && schema->member_count > 0;
}

static void add_column(struct making *making, struct iqm_table_part *part,
    const struct iqm_schema *schema, const char *name)
{
    struct iqm_table *table = making->table;

    if (table->column_count == IQM_TABLE_COLUMNS_MAX) {
        making->error = IQM_ELIMIT;
        return;
    }
    part->column = table->column_count;
    table->columns[table->column_count++] =
        (struct iqm_column){name, kind_of(schema), (uint16_t)(schema - making->contract->schemas)};
}

static struct iqm_table_part *add_parts(struct making *making, const struct iqm_schema *schema,
    const char *before, unsigned depth, bool (*wanted)(const char *, void *), void *user)
{
    struct iqm_table_part *first = NULL, **link = &first;

    for (uint16_t i = 0; i < schema->member_count && making->error == 0; i++) {
        const char *member = schema->members[i].name;
        const struct iqm_schema *child = schema_of(making, &schema->members[i]);
        if (wanted != NULL && !wanted(member, user))
            continue;
        struct iqm_table_part *part = iqm_arena_alloc(making->arena, sizeof *part);
        const char *name =
            *before != '\0' ? iqm_arena_printf(making->arena, "%s.%s", before, member) : member;
        if (part == NULL || name == NULL) {
            making->error = IQM_ENOMEM;
            return NULL;
        }
        part->name = member;
        if (has_members(child) && depth < IQM_TABLE_DEPTH_MAX)
            part->parts = add_parts(making, child, name, depth + 1, NULL, NULL);
        else
            add_column(making, part, child, name);
        *link = part;
        link = &part->next;
    }
    return first;
}

int iqm_table_make(struct iqm_arena *arena, const struct iqm_contract *contract, uint16_t schema,
    uint16_t inner, bool (*wanted)(const char *member, void *user), void *user,
    struct iqm_table **ret_table)
{
    struct making making = {
        arena, contract, iqm_arena_alloc(arena, sizeof *making.table), inner, 0};

    if (making.table == NULL)
        return IQM_ENOMEM;
    making.table->parts = add_parts(&making, &contract->schemas[schema], "", 1, wanted, user);
    if (making.error == 0)
        *ret_table = making.table;
    return making.error;
}

/* ---- cells ---- */

/* Documents have their members in the order of the contract: the next one is nearly always it. */
static const struct iqm_table_part *find(
    const struct iqm_table_part *parts, const struct iqm_table_part *next, struct iqm_slice name)
{
    for (const struct iqm_table_part *part = next; part != NULL; part = part->next) {
        if (iqm_slice_equal_string(name, part->name))
            return part;
    }
    for (const struct iqm_table_part *part = parts; part != next; part = part->next) {
        if (iqm_slice_equal_string(name, part->name))
            return part;
    }
    return NULL;
}

static void read_members(
    const struct iqm_table_part *parts, struct iqm_slice object, struct iqm_slice *cells)
{
    const struct iqm_table_part *next = parts;
    struct iqm_members members;

    iqm_members_open(&members, object);
    while (iqm_members_next(&members)) {
        const struct iqm_table_part *part = find(parts, next, members.name);
        if (part == NULL)
            continue;
        next = part->next;
        if (members.value.ptr[0] == 'n')
            continue;
        if (part->parts != NULL)
            read_members(part->parts, members.value, cells);
        else
            cells[part->column] = members.value;
    }
}

void iqm_table_read(
    const struct iqm_table *table, struct iqm_slice document, struct iqm_slice *cells)
{
    memset(cells, 0, table->column_count * sizeof *cells);
    read_members(table->parts, document, cells);
}

static struct iqm_slice decode(struct iqm_arena *arena, struct iqm_slice cell)
{
    json_t *string = json_loadb(cell.ptr, cell.len, JSON_DECODE_ANY, NULL);
    struct iqm_slice text = {NULL, json_string_length(string)};

    if (string != NULL)
        text.ptr = iqm_arena_copy(arena, json_string_value(string), text.len);
    json_decref(string);
    return text;
}

struct iqm_slice iqm_cell_text(struct iqm_arena *arena, struct iqm_slice cell)
{
    if (cell.len < 2 || cell.ptr[0] != '"')
        return cell;
    if (memchr(cell.ptr, '\\', cell.len) != NULL)
        return decode(arena, cell);
    return (struct iqm_slice){cell.ptr + 1, cell.len - 2};
}
