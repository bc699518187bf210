/*
 * Documents as they are stored: a personal member is sealed as the JSON text it has, so that
 * opening copies bytes and builds no tree.
 */
#include "iqm/members.h"
#include "iqm/seal.h"

#include <string.h>

bool iqm_member_is_sealed(const struct iqm_contract *contract, const struct iqm_resource *resource,
    const struct iqm_member *member)
{
    return resource->subject != NULL &&
           contract->schemas[member->schema].personal != IQM_PERSONAL_NEVER;
}

static struct iqm_slice json_text(struct iqm_arena *arena, const json_t *value)
{
    size_t length = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = iqm_arena_bytes(arena, length + 1);

    if (text == NULL || json_dumpb(value, text, length, JSON_COMPACT | JSON_ENCODE_ANY) != length)
        return (struct iqm_slice){NULL, 0};
    text[length] = '\0';
    return (struct iqm_slice){text, length};
}

struct sealing {
    struct iqm_arena *arena;
    const struct iqm_contract *contract;
    const struct iqm_resource *resource;
    const struct iqm_seal_secrets *secrets;
    const struct iqm_person_key *key;
    const char *person;
};

/* One member's value as it is stored; NULL when memory is out. */
static json_t *seal_member(
    const struct sealing *sealing, const struct iqm_member *member, const json_t *value)
{
    struct iqm_seal_place place = {sealing->person, sealing->resource->name, member->name};
    struct iqm_slice clear = json_text(sealing->arena, value);
    char index[IQM_BLIND_INDEX_TEXT];

    if (clear.ptr == NULL)
        return NULL;
    char *sealed = iqm_seal(sealing->arena, sealing->key, &place, clear);
    if (sealed == NULL || !sealing->contract->schemas[member->schema].indexed)
        return sealed != NULL ? json_string(sealed) : NULL;
    struct iqm_slice text = {json_string_value(value), json_string_length(value)};
    iqm_blind_index(sealing->secrets, place.resource, place.member, text, index);
    return json_sprintf("%s.%s", sealed, index);
}

/* Replaces the personal members of a copy. */
static int seal_members(const struct sealing *sealing, json_t *copy)
{
    const struct iqm_schema *schema = &sealing->contract->schemas[sealing->resource->schema];

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const struct iqm_member *member = &schema->members[i];
        const json_t *value = json_object_get(copy, member->name);
        if (value == NULL || json_is_null(value) ||
            !iqm_member_is_sealed(sealing->contract, sealing->resource, member))
            continue;
        json_t *sealed = seal_member(sealing, member, value);
        if (sealed == NULL || json_object_set_new(copy, member->name, sealed) != 0)
            return IQM_ENOMEM;
    }
    return 0;
}

char *iqm_seal_document(struct iqm_arena *arena, const struct iqm_contract *contract,
    const struct iqm_resource *resource, const struct iqm_seal_secrets *secrets,
    const struct iqm_person_key *key, const json_t *document)
{
    struct sealing sealing = {arena, contract, resource, secrets, key,
        json_string_value(json_object_get(document, resource->subject))};
    json_t *copy = json_copy((json_t *)document);
    struct iqm_slice text = {NULL, 0};

    if (copy != NULL && sealing.person != NULL && seal_members(&sealing, copy) == 0)
        text = json_text(arena, copy);
    json_decref(copy);
    return (char *)text.ptr;
}

int iqm_sealed_person(const struct iqm_resource *resource, struct iqm_slice stored,
    char ret_person[static IQM_UUID_TEXT])
{
    struct iqm_slice person = iqm_members_find(stored, resource->subject);

    if (person.ptr == NULL || person.len != IQM_UUID_TEXT + 1)
        return IQM_EINVAL;
    memcpy(ret_person, person.ptr + 1, IQM_UUID_TEXT - 1);
    ret_person[IQM_UUID_TEXT - 1] = '\0';
    return 0;
}

/* The value between its quotes, where it is sealed. */
static bool is_sealed(struct iqm_slice value, struct iqm_slice *ret_text)
{
    static const char start[] = "\"" IQM_SEALED_PREFIX;

    if (value.len < sizeof start || memcmp(value.ptr, start, sizeof start - 1) != 0)
        return false;
    *ret_text = (struct iqm_slice){value.ptr + 1, value.len - 2};
    return true;
}

/* What has been put together so far; what was sealed is longer than what was in it. */
struct output {
    char *text;
    size_t length;
};

static void put(struct output *output, const char *from, const char *to)
{
    memcpy(output->text + output->length, from, (size_t)(to - from));
    output->length += (size_t)(to - from);
}

/* Opens one member into the output. */
static int open_member(struct iqm_arena *arena, const struct iqm_person_key *key,
    struct iqm_seal_place place, const struct iqm_members *members, struct output *output)
{
    struct iqm_slice sealed, clear;

    if (!is_sealed(members->value, &sealed))
        return IQM_ENOTFOUND;
    char *name = iqm_arena_copy(arena, members->name.ptr, members->name.len);
    if (name == NULL)
        return IQM_ENOMEM;
    place.member = name;
    int error = iqm_unseal(arena, key, &place, sealed, &clear);
    if (error == 0)
        put(output, clear.ptr, clear.ptr + clear.len);
    return error;
}

int iqm_unseal_document(struct iqm_arena *arena, const struct iqm_resource *resource,
    const struct iqm_person_key *key, struct iqm_slice stored, struct iqm_slice *ret_clear)
{
    struct output output = {.text = iqm_arena_bytes(arena, stored.len + 1)};
    struct iqm_members members;
    char person[IQM_UUID_TEXT];
    const char *copied = stored.ptr;

    if (output.text == NULL)
        return IQM_ENOMEM;
    if (iqm_sealed_person(resource, stored, person) != 0)
        return IQM_EINVAL;
    iqm_members_open(&members, stored);
    while (iqm_members_next(&members)) {
        if (members.value.len < 2 || members.value.ptr[1] != IQM_SEALED_PREFIX[0])
            continue;
        size_t before = output.length;
        put(&output, copied, members.value.ptr);
        int error = open_member(
            arena, key, (struct iqm_seal_place){person, resource->name, NULL}, &members, &output);
        if (error == IQM_ENOTFOUND)
            output.length = before;
        else if (error != 0)
            return error;
        else
            copied = members.at;
    }
    put(&output, copied, stored.ptr + stored.len);
    output.text[output.length] = '\0';
    *ret_clear = (struct iqm_slice){output.text, output.length};
    return 0;
}

int iqm_sealed_rest(struct iqm_arena *arena, struct iqm_slice stored, struct iqm_slice *ret_rest)
{
    json_t *document = json_loadb(stored.ptr, stored.len, 0, NULL);
    const char *name;
    json_t *value;
    void *next;

    if (document == NULL)
        return IQM_EINVAL;
    json_object_foreach_safe(document, next, name, value)
    {
        if (json_is_string(value) &&
            strncmp(json_string_value(value), IQM_SEALED_PREFIX, sizeof IQM_SEALED_PREFIX - 1) == 0)
            json_object_del(document, name);
    }
    *ret_rest = json_text(arena, document);
    json_decref(document);
    return ret_rest->ptr != NULL ? 0 : IQM_ENOMEM;
}

int iqm_open_stored(struct iqm_arena *arena, const struct iqm_resource *resource,
    const struct iqm_person_key *key, struct iqm_slice stored, struct iqm_slice *ret_clear)
{
    if (key->known)
        return iqm_unseal_document(arena, resource, key, stored, ret_clear);
    if (strcmp(resource->subject, "id") != 0)
        return iqm_sealed_rest(arena, stored, ret_clear);
    *ret_clear = (struct iqm_slice){NULL, 0};
    return 0;
}

bool iqm_has_personal_members(const struct iqm_contract *contract,
    const struct iqm_resource *resource, const json_t *document)
{
    const struct iqm_schema *schema = &contract->schemas[resource->schema];

    for (uint16_t i = 0; i < schema->member_count; i++) {
        const json_t *value = json_object_get(document, schema->members[i].name);
        if (value != NULL && !json_is_null(value) &&
            iqm_member_is_sealed(contract, resource, &schema->members[i]))
            return true;
    }
    return false;
}
