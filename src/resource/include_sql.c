/* What a request includes: who may read it, and the one statement that does. */
#include "include.h"

#include "iqm/auth.h"

const struct iqm_include *included_of(const struct including *including, unsigned part)
{
    return &including->all[including->parts[part]];
}

/* ---- what is asked, and who may ---- */

static void find_asked(struct including *including)
{
    for (unsigned i = 0; including->all[i].name != NULL && i < INCLUDES_MAX; i++) {
        if (iqm_wanted_fields_have(including->all[i].name, &including->asked))
            including->parts[including->count++] = i;
    }
}

static bool all_let(const struct including *including, const char *role)
{
    for (unsigned i = 0; i < including->count; i++) {
        if (!iqm_roles_have(included_of(including, i)->roles, role))
            return false;
    }
    return true;
}

/* Who may read all of it: the roles that the document and each kind of records is open to. */
static const char *roles_for(const struct including *including, struct iqm_call *call)
{
    struct page text = {.arena = call->arena};
    const char *rest = call->operation->roles;
    struct iqm_slice role;

    page_add_string(&text, "{");
    while (iqm_roles_next(&rest, &role)) {
        const char *name = iqm_arena_copy(call->arena, role.ptr, role.len);
        if (name == NULL || !all_let(including, name))
            continue;
        if (text.length > 1)
            page_add_string(&text, ",");
        page_add_string(&text, name);
    }
    page_add(&text, "}", sizeof "}");
    return text.failed ? NULL : text.text;
}

static const char *scopes_for(const struct including *including, struct iqm_call *call)
{
    const char *text = call->operation->scope;

    for (unsigned i = 0; text != NULL && i < including->count; i++)
        text = iqm_arena_printf(call->arena, "%s,%s", text, included_of(including, i)->scopes);
    return text != NULL ? iqm_arena_printf(call->arena, "{%s}", text) : NULL;
}

int include_ask(struct including *including, struct iqm_call *call)
{
    find_asked(including);
    call->may = roles_for(including, call);
    call->scopes = scopes_for(including, call);
    return call->may != NULL && call->scopes != NULL ? 0 : IQM_ENOMEM;
}

/* ---- the statement ---- */

static bool is_needed(const struct including *including, unsigned place)
{
    for (unsigned i = 0; i < including->count; i++) {
        if (including->parts[i] == place || included_of(including, i)->of == place + 1)
            return true;
    }
    return false;
}

/* The ids that it goes by: of the document, or of the records of another include. */
static const char *ids_sql(struct iqm_arena *arena, const struct iqm_include *include)
{
    const char *source =
        include->of > 0 ? iqm_arena_printf(arena, "part_%u", include->of) : "whole";

    if (source == NULL)
        return NULL;
    if (include->path == NULL)
        return iqm_arena_printf(arena, "SELECT id FROM %s", source);
    return iqm_arena_printf(arena,
        "SELECT (named #>> '{}')::uuid FROM %s AS source, "
        "jsonb_path_query(source.doc::jsonb, '%s') AS named",
        source, include->path);
}

static void add_part(struct page *sql, const struct iqm_include *include, unsigned number)
{
    const char *ids = ids_sql(sql->arena, include);
    const char *part =
        ids != NULL ? iqm_arena_printf(sql->arena,
                          ", part_%u AS MATERIALIZED (SELECT id, doc FROM %s "
                          "WHERE %s = ANY (ARRAY(%s)) ORDER BY id LIMIT " INCLUDED_ONE_MORE ")",
                          number, include->resource->name, include->column, ids)
                    : NULL;

    sql->failed = sql->failed || part == NULL;
    if (part != NULL)
        page_add_string(sql, part);
}

const char *include_sql(const struct including *including, struct iqm_call *call)
{
    struct page sql = {.arena = call->arena};

    page_add_string(&sql, "WITH whole AS MATERIALIZED (SELECT id, doc FROM ");
    page_add_string(&sql, call->operation->resource->name);
    page_add_string(&sql, " WHERE id = $1::uuid)");
    for (unsigned i = 0; including->all[i].name != NULL; i++) {
        if (is_needed(including, i))
            add_part(&sql, &including->all[i], i + 1);
    }
    page_add_string(&sql, " SELECT 0, doc, id FROM whole");
    for (unsigned i = 0; i < including->count; i++) {
        const char *part = iqm_arena_printf(call->arena,
            " UNION ALL SELECT %u, doc, id FROM part_%u", i + 1, including->parts[i] + 1);
        sql.failed = sql.failed || part == NULL;
        page_add_string(&sql, part != NULL ? part : "");
    }
    page_add(&sql, " ORDER BY 1, 3", sizeof " ORDER BY 1, 3");
    return sql.failed ? NULL : sql.text;
}

/* One name, one text. */
const char *include_sql_name(const struct including *including, struct iqm_call *call)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < including->count; i++)
        mask |= 1U << including->parts[i];
    return iqm_arena_printf(call->arena, "%s_with_%x", call->operation->id, mask);
}
