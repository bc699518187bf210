/* The parameter `fields`. */
#include "iqm/wanted_fields.h"

#include "contract_tables.h"
#include "iqm/members.h"

#include <string.h>

struct iqm_slice iqm_wanted_fields_next(struct iqm_slice *rest)
{
    const char *comma = memchr(rest->ptr, ',', rest->len);
    struct iqm_slice name = {rest->ptr, comma != NULL ? (size_t)(comma - rest->ptr) : rest->len};
    size_t taken = name.len + (comma != NULL ? 1 : 0);

    *rest = (struct iqm_slice){rest->ptr + taken, rest->len - taken};
    return name;
}

int iqm_wanted_fields_read(
    struct iqm_call *call, uint16_t number, struct iqm_wanted_fields *ret_fields)
{
    const struct iqm_schema *schema = &call->contract->schemas[number];
    struct iqm_slice rest = iqm_call_parameter(call, "fields");

    ret_fields->list = rest;
    while (rest.ptr != NULL && rest.len > 0) {
        struct iqm_slice name = iqm_wanted_fields_next(&rest);
        if (iqm_schema_member(schema, name) != NULL)
            continue;
        iqm_problem_parameter(&call->problem, "fields", "query",
            "names \"%.*s\", which is no member of %s", (int)name.len, name.ptr, schema->name);
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    }
    return 0;
}

static bool has(const struct iqm_wanted_fields *fields, struct iqm_slice member)
{
    struct iqm_slice rest = fields->list;

    if (rest.ptr == NULL)
        return true;
    while (rest.len > 0) {
        if (iqm_slice_equal(iqm_wanted_fields_next(&rest), member))
            return true;
    }
    return false;
}

bool iqm_wanted_fields_have(const char *member, void *user)
{
    return has(user, (struct iqm_slice){member, strlen(member)});
}

void iqm_wanted_fields_write(
    const struct iqm_wanted_fields *fields, struct iqm_slice document, struct iqm_buffer *out)
{
    struct iqm_members members;
    const char *before = "{";

    if (fields->list.ptr == NULL) {
        iqm_buffer_add(out, document.ptr, document.len);
        return;
    }
    iqm_members_open(&members, document);
    while (iqm_members_next(&members)) {
        if (!has(fields, members.name))
            continue;
        iqm_buffer_text(out, before);
        iqm_buffer_add(out, "\"", 1);
        iqm_buffer_add(out, members.name.ptr, members.name.len);
        iqm_buffer_add(out, "\":", 2);
        iqm_buffer_add(out, members.value.ptr, members.value.len);
        before = ",";
    }
    iqm_buffer_text(out, *before == '{' ? "{}" : "}");
}
