/* Sealing and opening: values, documents, keys under a master key, blind indexes. */
#include "contract_tables.h"
#include "iqm/seal.h"
#include "suite.h"
#include "vault/cache.h"

#include <string.h>

#define ANNE "0190c0de-0000-7000-8000-000000000001"
#define BORIS "0190c0de-0000-7000-8000-000000000002"

static struct iqm_arena *arena;
static struct iqm_person_key key, other;
static struct iqm_seal_secrets secrets;

static void set_up(void)
{
    arena = iqm_arena_new((size_t)1024 * 1024);
    key.known = other.known = true;
    randombytes_buf(key.bytes, sizeof key.bytes);
    randombytes_buf(other.bytes, sizeof other.bytes);
    memset(&secrets, 0, sizeof secrets);
    randombytes_buf(secrets.master, sizeof secrets.master);
    randombytes_buf(secrets.index, sizeof secrets.index);
}

static void tear_down(void)
{
    iqm_arena_free(arena);
}

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, strlen(text)};
}

static const struct iqm_seal_place place = {ANNE, "person", "name"};

START_TEST(value_opens_where_it_was_sealed)
{
    struct iqm_slice clear;
    char *sealed = iqm_seal(arena, &key, &place, slice("Anne Example"));

    ck_assert_int_eq(strncmp(sealed, IQM_SEALED_PREFIX, 3), 0);
    ck_assert_ptr_null(strstr(sealed, "Anne"));
    ck_assert_int_eq(iqm_unseal(arena, &key, &place, slice(sealed), &clear), 0);
    ck_assert(iqm_slice_equal_string(clear, "Anne Example"));
}
END_TEST

/* A piece of a file opens under its key, as what it is and nowhere else. */
START_TEST(piece_opens_in_its_place_only)
{
    uint8_t sealed[20 + IQM_PIECE_EXTRA], clear[20];
    struct iqm_slice all = {(const char *)sealed, sizeof sealed};

    iqm_piece_seal(key.bytes, ANNE, 7, (struct iqm_slice){"twenty bytes of text", 20}, sealed);
    ck_assert_int_eq(iqm_piece_open(key.bytes, ANNE, 7, all, clear), 0);
    ck_assert_mem_eq(clear, "twenty bytes of text", 20);
    ck_assert_int_eq(iqm_piece_open(key.bytes, ANNE, 8, all, clear), IQM_EINVAL);
    ck_assert_int_eq(iqm_piece_open(key.bytes, BORIS, 7, all, clear), IQM_EINVAL);
    ck_assert_int_eq(iqm_piece_open(other.bytes, ANNE, 7, all, clear), IQM_EINVAL);
    all.len--;
    ck_assert_int_eq(iqm_piece_open(key.bytes, ANNE, 7, all, clear), IQM_EINVAL);
    all.len = IQM_PIECE_EXTRA - 1;
    ck_assert_int_eq(iqm_piece_open(key.bytes, ANNE, 7, all, clear), IQM_EINVAL);
}
END_TEST

START_TEST(equal_values_do_not_look_equal)
{
    ck_assert_str_ne(
        iqm_seal(arena, &key, &place, slice("Anne")), iqm_seal(arena, &key, &place, slice("Anne")));
}
END_TEST

START_TEST(value_opens_nowhere_else)
{
    static const struct iqm_seal_place elsewhere[] = {
        {BORIS, "person", "name"}, {ANNE, "enquiry", "name"}, {ANNE, "person", "email"}};
    struct iqm_person_key none = {.known = false};
    struct iqm_slice clear;
    char *sealed = iqm_seal(arena, &key, &place, slice("Anne"));

    for (size_t i = 0; i < IQM_LENGTH(elsewhere); i++)
        ck_assert_int_eq(iqm_unseal(arena, &key, &elsewhere[i], slice(sealed), &clear), IQM_EINVAL);
    ck_assert_int_eq(iqm_unseal(arena, &other, &place, slice(sealed), &clear), IQM_EINVAL);
    ck_assert_int_eq(iqm_unseal(arena, &none, &place, slice(sealed), &clear), IQM_EINVAL);
}
END_TEST

START_TEST(damaged_value_does_not_open)
{
    static const char *const texts[] = {"", "~1", "~1.", "~1.AAAA", "~2.AAAA", "~1.!!!!", "Anne"};
    struct iqm_slice clear;
    char *sealed = iqm_seal(arena, &key, &place, slice("Anne"));

    sealed[20] = sealed[20] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(iqm_unseal(arena, &key, &place, slice(sealed), &clear), IQM_EINVAL);
    for (size_t i = 0; i < IQM_LENGTH(texts); i++)
        ck_assert_int_eq(iqm_unseal(arena, &key, &place, slice(texts[i]), &clear), IQM_EINVAL);
}
END_TEST

static const struct iqm_resource *person(void)
{
    return iqm_contract_resource(&iqm_contract, "person");
}

static const char document_text[] =
    "{\"id\":\"" ANNE
    "\",\"version\":1,\"name\":\"An\\\"ne \\u20ac\",\"email\":\"Anne@Example.org\","
    "\"telephone\":null,\"school_id\":\"" BORIS "\",\"job_title\":\"Head, {of} [all]\"}";

static char *seal_document(void)
{
    json_t *document = json_loads(document_text, 0, NULL);
    char *stored = iqm_seal_document(arena, &iqm_contract, person(), &secrets, &key, document);

    json_decref(document);
    ck_assert_ptr_nonnull(stored);
    return stored;
}

START_TEST(document_is_stored_without_what_is_personal)
{
    char *stored = seal_document();

    ck_assert_ptr_null(strstr(stored, "ne "));
    ck_assert_ptr_null(strcasestr(stored, "example"));
    ck_assert_ptr_null(strstr(stored, "Head"));
    ck_assert_ptr_nonnull(strstr(stored, "\"telephone\":null"));
    ck_assert_ptr_nonnull(strstr(stored, "\"school_id\":\"" BORIS "\""));
}
END_TEST

START_TEST(document_opens_to_what_it_was)
{
    struct iqm_slice clear;
    json_t *before = json_loads(document_text, 0, NULL);

    ck_assert_int_eq(iqm_unseal_document(arena, person(), &key, slice(seal_document()), &clear), 0);
    json_t *after = json_loadb(clear.ptr, clear.len, 0, NULL);
    ck_assert(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}
END_TEST

START_TEST(document_in_clear_opens_as_it_is)
{
    struct iqm_slice clear;

    ck_assert_int_eq(iqm_unseal_document(arena, person(), &key, slice(document_text), &clear), 0);
    ck_assert(iqm_slice_equal_string(clear, document_text));
}
END_TEST

START_TEST(document_says_whom_it_is_about)
{
    char who[IQM_UUID_TEXT];

    ck_assert_int_eq(iqm_sealed_person(person(), slice(seal_document()), who), 0);
    ck_assert_str_eq(who, ANNE);
    ck_assert_int_eq(iqm_sealed_person(person(), slice("{\"id\":\"short\"}"), who), IQM_EINVAL);
    ck_assert_int_eq(iqm_sealed_person(person(), slice("{}"), who), IQM_EINVAL);
    ck_assert_int_eq(iqm_sealed_person(person(), slice(""), who), IQM_EINVAL);
}
END_TEST

START_TEST(document_opens_under_its_own_key_only)
{
    struct iqm_slice clear;

    ck_assert_int_eq(
        iqm_unseal_document(arena, person(), &other, slice(seal_document()), &clear), IQM_EINVAL);
}
END_TEST

START_TEST(index_is_the_same_in_any_case)
{
    char a[IQM_BLIND_INDEX_TEXT], b[IQM_BLIND_INDEX_TEXT];

    iqm_email_index(&secrets, slice("Anne@Example.org"), a);
    iqm_email_index(&secrets, slice("anne@example.ORG"), b);
    ck_assert_str_eq(a, b);
    ck_assert_uint_eq(strlen(a), IQM_BLIND_INDEX_TEXT - 1);
    iqm_email_index(&secrets, slice("anna@example.org"), b);
    ck_assert_str_ne(a, b);
    iqm_blind_index(&secrets, "enquiry", "email", slice("anne@example.org"), b);
    ck_assert_str_ne(a, b);
    secrets.index[0] ^= 1;
    iqm_email_index(&secrets, slice("anne@example.org"), b);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(index_stands_behind_the_sealed_address)
{
    char index[IQM_BLIND_INDEX_TEXT];
    json_t *stored = json_loads(seal_document(), 0, NULL);
    const char *email = json_string_value(json_object_get(stored, "email"));

    iqm_email_index(&secrets, slice("anne@example.org"), index);
    ck_assert_str_eq(strrchr(email, '.') + 1, index);
    json_decref(stored);
}
END_TEST

START_TEST(key_opens_for_its_owner_under_its_master_key)
{
    uint8_t wrapped[IQM_WRAPPED_KEY], back[IQM_KEY_BYTES];
    struct iqm_seal_secrets next = {.has_former = true};

    iqm_key_wrap(&secrets, ANNE, key.bytes, wrapped);
    ck_assert_int_eq(iqm_key_unwrap(&secrets, ANNE, wrapped, sizeof wrapped, back), 0);
    ck_assert_mem_eq(back, key.bytes, sizeof back);
    ck_assert_int_eq(iqm_key_unwrap(&secrets, BORIS, wrapped, sizeof wrapped, back), IQM_EINVAL);
    ck_assert_int_eq(iqm_key_unwrap(&secrets, ANNE, wrapped, sizeof wrapped - 1, back), IQM_EINVAL);
    ck_assert_int_eq(iqm_key_unwrap(&next, ANNE, wrapped, sizeof wrapped, back), IQM_EINVAL);
    memcpy(next.former, secrets.master, sizeof next.former);
    ck_assert_int_eq(iqm_key_unwrap(&next, ANNE, wrapped, sizeof wrapped, back), 0);
}
END_TEST

START_TEST(cache_remembers_and_makes_room)
{
    struct key_cache *cache = key_cache_new();
    struct iqm_person_key found;
    char id[IQM_UUID_TEXT];
    unsigned kept = 0;

    ck_assert(!key_cache_find(cache, ANNE, &found));
    key_cache_add(cache, ANNE, key.bytes);
    ck_assert(key_cache_find(cache, ANNE, &found) && found.known);
    ck_assert_mem_eq(found.bytes, key.bytes, sizeof key.bytes);
    ck_assert(!key_cache_find(cache, "no uuid", &found));
    /* At whatever millisecond it was added. */
    for (uint64_t now = iqm_clock_ms(), end = now + 20; now < end; now = iqm_clock_ms()) {
        key_cache_add(cache, ANNE, key.bytes);
        ck_assert(key_cache_find(cache, ANNE, &found));
    }
    for (unsigned i = 0; i < 40000; i++) {
        snprintf(id, sizeof id, "0190c0de-0000-7000-8000-%012x", i);
        key_cache_add(cache, id, other.bytes);
    }
    for (unsigned i = 0; i < 40000; i++) {
        snprintf(id, sizeof id, "0190c0de-0000-7000-8000-%012x", i);
        kept += key_cache_find(cache, id, &found) ? 1 : 0;
    }
    ck_assert_uint_gt(kept, 4000);
    ck_assert_uint_le(kept, 8192);
    key_cache_free(cache);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {value_opens_where_it_was_sealed, piece_opens_in_its_place_only,
        equal_values_do_not_look_equal, value_opens_nowhere_else, damaged_value_does_not_open,
        document_is_stored_without_what_is_personal, document_opens_to_what_it_was,
        document_in_clear_opens_as_it_is, document_says_whom_it_is_about,
        document_opens_under_its_own_key_only, index_is_the_same_in_any_case,
        index_stands_behind_the_sealed_address, key_opens_for_its_owner_under_its_master_key,
        cache_remembers_and_makes_room};

    return suite_run("seal", set_up, tear_down, tests, IQM_LENGTH(tests));
}
