/*
 * A body with an array whose items stand apart (x-items-apart): they are noted and taken out of the
 * text before that is parsed, so that one which is no JSON, or not as it should be, spoils no
 * other.
 */
#include "request.h"

#include "contract_tables.h"
#include "iqm/members.h"

#include <string.h>

static const struct iqm_member *member_apart(const struct iqm_call *call)
{
    const struct iqm_schema *body = &call->contract->schemas[call->operation->body_schema];

    for (uint16_t i = 0; i < body->member_count; i++) {
        if (call->contract->schemas[body->members[i].schema].items_apart)
            return &body->members[i];
    }
    return NULL;
}

/* What is behind the bracket of the array that is this member's; empty: there is none. */
static struct iqm_slice array_of(struct iqm_slice body, const char *name)
{
    struct iqm_members members;

    iqm_members_open(&members, body);
    while (iqm_members_next(&members)) {
        struct iqm_slice value = members.value;
        if (iqm_slice_equal_string(members.name, name) && value.len > 0 && *value.ptr == '[')
            return (struct iqm_slice){value.ptr + 1, value.len - 1};
    }
    return (struct iqm_slice){body.ptr, 0};
}

/* Lines stay as they were, for who is told what is wrong with the rest. */
static void put_zero(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n')
            text[i] = ' ';
    }
    *text = '0';
}

int apart_take(struct iqm_call *call, struct iqm_slice *text)
{
    const struct iqm_member *member = member_apart(call);

    if (member == NULL)
        return 0;
    const struct iqm_schema *array = &call->contract->schemas[member->schema];
    char *rest = iqm_arena_copy(call->arena, text->ptr, text->len);
    struct iqm_slice *items = iqm_arena_array(call->arena, array->max_items, sizeof *items);
    if (rest == NULL || items == NULL)
        return iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    struct iqm_slice left = array_of(*text, member->name), item;
    while (iqm_items_next(&left, &item)) {
        if (call->apart.count < array->max_items)
            items[call->apart.count++] = item;
        put_zero(rest + (item.ptr - text->ptr), item.len);
    }
    call->apart.member = member;
    call->apart.items = items;
    call->apart.schema = array->items;
    text->ptr = rest;
    return 0;
}

int apart_check(struct iqm_call *call)
{
    const struct iqm_member *member = call->apart.member;
    size_t there = member != NULL ? json_array_size(json_object_get(call->body, member->name)) : 0;

    if (call->apart.count > 0 || there == 0)
        return 0;
    return iqm_problem_set(&call->problem, IQM_PROBLEM_MALFORMED_BODY,
        "The name \"%s\" in the body is to be written without escapes.", member->name);
}
