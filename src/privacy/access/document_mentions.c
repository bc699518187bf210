/* The texts of a document that may mention somebody, by its schema. */
#include "privacy/access/document_mentions.h"

#include "iqm/text.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define SHOWN_BEFORE 60

struct look {
    struct iqm_arena *arena;
    const struct iqm_contract *contract;
    const struct mention_terms *terms;
    mention_in_text_fn *found;
    void *user;
    int error;
};

static bool may_be_in(const struct iqm_contract *contract, uint16_t number, unsigned depth)
{
    const struct iqm_schema *schema;

    if (number == IQM_NO_SCHEMA || depth == DEPTH_MAX)
        return false;
    schema = &contract->schemas[number];
    if (schema->personal == IQM_PERSONAL_MAY_MENTION)
        return true;
    for (uint16_t i = 0; i < schema->member_count; i++) {
        if (may_be_in(contract, schema->members[i].schema, depth + 1))
            return true;
    }
    return may_be_in(contract, schema->items, depth + 1);
}

bool mentions_may_be_in(const struct iqm_contract *contract, uint16_t schema)
{
    return may_be_in(contract, schema, 0);
}

/* What stands around a place in the text, whole code points of it. */
static const char *excerpt(struct iqm_arena *arena, const struct folded_text *text, size_t place)
{
    size_t from = text->offsets[place];
    size_t skipped = from > SHOWN_BEFORE ? from - SHOWN_BEFORE : 0;

    while (skipped < from && ((unsigned char)text->text[skipped] & 0xC0) == 0x80)
        skipped++;
    size_t length = iqm_text_cut(text->text + skipped, text->bytes - skipped, MENTION_EXCERPT);
    return iqm_arena_copy(arena, text->text + skipped, length);
}

static void look_at_text(struct look *look, const char *text, const char *pointer)
{
    struct folded_text folded;
    size_t place;

    if (folded_text_read(look->arena, text, &folded) != 0) {
        look->error = IQM_ENOMEM;
        return;
    }
    const char *kind = mention_terms_match(look->terms, &folded, &place);
    if (kind == NULL)
        return;
    const char *shown = excerpt(look->arena, &folded, place);
    if (shown == NULL)
        look->error = IQM_ENOMEM;
    else
        look->found(look->user, pointer, kind, shown);
}

static void look_at(struct look *look, uint16_t number, const json_t *value, const char *pointer);

static void look_below(
    struct look *look, uint16_t number, const json_t *value, const char *pointer, const char *name)
{
    const char *below = iqm_arena_printf(look->arena, "%s/%s", pointer, name);

    if (below == NULL)
        look->error = IQM_ENOMEM;
    else if (number != IQM_NO_SCHEMA && value != NULL)
        look_at(look, number, value, below);
}

static void look_at_members(
    struct look *look, const struct iqm_schema *schema, const json_t *object, const char *pointer)
{
    for (uint16_t i = 0; i < schema->member_count; i++)
        look_below(look, schema->members[i].schema,
            json_object_get(object, schema->members[i].name), pointer, schema->members[i].name);
}

static void look_at_items(
    struct look *look, const struct iqm_schema *schema, const json_t *array, const char *pointer)
{
    char place[24];

    for (size_t i = 0; i < json_array_size(array); i++) {
        snprintf(place, sizeof place, "%zu", i);
        look_below(look, schema->items, json_array_get(array, i), pointer, place);
    }
}

static void look_at(struct look *look, uint16_t number, const json_t *value, const char *pointer)
{
    const struct iqm_schema *schema = &look->contract->schemas[number];

    if (look->error != 0)
        return;
    if (json_is_string(value) && schema->personal == IQM_PERSONAL_MAY_MENTION)
        look_at_text(look, json_string_value(value), pointer);
    else if (json_is_object(value))
        look_at_members(look, schema, value, pointer);
    else if (json_is_array(value))
        look_at_items(look, schema, value, pointer);
}

int document_mentions(struct iqm_arena *arena, const struct iqm_contract *contract, uint16_t schema,
    const json_t *document, const struct mention_terms *terms, mention_in_text_fn *found,
    void *user)
{
    struct look look = {arena, contract, terms, found, user, 0};

    look_at(&look, schema, document, "");
    return look.error;
}
