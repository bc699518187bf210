/*
 * Finds the route of a path: splits it at its slashes first and decodes each segment afterwards, so
 * that an encoded slash stays inside its segment. Knows no methods and no HTTP library.
 */
#include "iqm/contract.h"
#include "iqm/text.h"

#include <string.h>

#define SEGMENTS_MAX 16

struct segments {
    struct iqm_slice list[SEGMENTS_MAX];
    size_t count;
};

/* Splits "/a/b" into its segments; "/" has none. An empty one matches nothing, as does a path too
 * deep. */
static int split(struct iqm_slice path, struct segments *out)
{
    out->count = 0;
    if (iqm_slice_equal_string(path, "/"))
        return 0;
    if (path.len < 2 || path.ptr[0] != '/')
        return IQM_ENOTFOUND;
    const char *at = path.ptr + 1;
    const char *end = path.ptr + path.len;
    while (true) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash != NULL ? slash : end;
        if (stop == at || out->count == SEGMENTS_MAX)
            return IQM_ENOTFOUND;
        out->list[out->count++] = (struct iqm_slice){at, (size_t)(stop - at)};
        if (slash == NULL)
            return 0;
        at = slash + 1;
        if (at == end)
            return IQM_ENOTFOUND;
    }
}

static int decode_all(struct segments *segments, struct iqm_arena *arena)
{
    for (size_t i = 0; i < segments->count; i++) {
        int result = iqm_text_percent_decode(segments->list[i], arena, &segments->list[i]);
        if (result != 0)
            return result;
    }
    return 0;
}

/* Whether the pattern goes on with just this segment; moves behind it. */
static bool takes(const char **pattern, struct iqm_slice segment)
{
    const char *at = *pattern;

    if (strncmp(at, segment.ptr, segment.len) != 0 ||
        (at[segment.len] != '/' && at[segment.len] != '\0') || memchr(at, '/', segment.len) != NULL)
        return false;
    *pattern += segment.len;
    return true;
}

/* Compares segment by segment; the values of templates go to `values`. */
static bool matches(const char *pattern, const struct segments *segments, struct iqm_slice *values)
{
    size_t value_count = 0;
    if (segments->count == 0)
        return strcmp(pattern, "/") == 0;
    for (size_t i = 0; i < segments->count; i++) {
        if (*pattern != '/')
            return false;
        pattern++;
        if (*pattern == '{') {
            if (value_count == IQM_PATH_PARAMETERS_MAX)
                return false;
            values[value_count++] = segments->list[i];
            pattern = strchrnul(pattern, '/');
        } else if (!takes(&pattern, segments->list[i])) {
            return false;
        }
    }
    return *pattern == '\0';
}

int iqm_contract_route(const struct iqm_contract *contract, struct iqm_slice path,
    struct iqm_arena *arena, const struct iqm_route **ret_route,
    struct iqm_slice ret_values[IQM_PATH_PARAMETERS_MAX])
{
    struct segments segments;
    int result = split(path, &segments);
    if (result == 0)
        result = decode_all(&segments, arena);
    if (result != 0)
        return result;
    for (size_t i = 0; i < contract->route_count; i++) {
        struct iqm_slice values[IQM_PATH_PARAMETERS_MAX] = {{NULL, 0}};
        if (!matches(contract->routes[i].path, &segments, values))
            continue;
        memcpy(ret_values, values, sizeof(values));
        *ret_route = &contract->routes[i];
        return 0;
    }
    return IQM_ENOTFOUND;
}

const struct iqm_resource *iqm_contract_resource(
    const struct iqm_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->resource_count; i++) {
        if (strcmp(contract->resources[i].name, name) == 0)
            return &contract->resources[i];
    }
    return NULL;
}

uint16_t iqm_contract_schema(const struct iqm_contract *contract, const char *name)
{
    for (uint16_t i = 0; i < contract->schema_count; i++) {
        const char *own = contract->schemas[i].name;
        if (own != NULL && strcmp(own, name) == 0)
            return i;
    }
    return IQM_NO_SCHEMA;
}

const struct iqm_member *iqm_schema_member(const struct iqm_schema *schema, struct iqm_slice name)
{
    for (uint16_t i = 0; i < schema->member_count; i++) {
        if (iqm_slice_equal_string(name, schema->members[i].name))
            return &schema->members[i];
    }
    return NULL;
}
