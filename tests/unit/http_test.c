/* The HTTP room's pure parts: negotiation, entity tags, origins, compression. */
#include "http/worker.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, text != NULL ? strlen(text) : 0};
}

static bool accepts(const char *accept)
{
    return fields_accept(slice(accept), "application/json");
}

START_TEST(accept_header)
{
    ck_assert(accepts(NULL));
    ck_assert(accepts(""));
    ck_assert(accepts("*/*"));
    ck_assert(accepts("application/json"));
    ck_assert(accepts("Application/JSON; charset=utf-8"));
    ck_assert(accepts("text/html, application/*;q=0.1"));
    ck_assert(!accepts("text/html"));
    ck_assert(!accepts("application/json;q=0"));
    ck_assert(!accepts("application/json;q=0.000, */*"));
    ck_assert(accepts("*/*;q=0, application/json"));
    ck_assert(!accepts("application/jsonx"));
    ck_assert(!accepts("app/*"));
}
END_TEST

START_TEST(accept_encoding_header)
{
    ck_assert(fields_accept_gzip(slice("gzip")));
    ck_assert(fields_accept_gzip(slice("br, gzip;q=0.5")));
    ck_assert(fields_accept_gzip(slice("*")));
    ck_assert(!fields_accept_gzip(slice(NULL)));
    ck_assert(!fields_accept_gzip(slice("br")));
    ck_assert(!fields_accept_gzip(slice("gzip;q=0, *")));
    ck_assert(!fields_accept_gzip(slice("identity;q=1, *;q=0")));
}
END_TEST

START_TEST(content_type_header)
{
    ck_assert(fields_media_type_in(slice("application/json"), "application/json"));
    ck_assert(fields_media_type_in(slice("application/json;charset=UTF-8"), "application/json"));
    ck_assert(fields_media_type_in(slice("application/json; x=1"), "application/json"));
    ck_assert(!fields_media_type_in(slice("application/json;charset=latin1"), "application/json"));
    ck_assert(!fields_media_type_in(slice("text/plain"), "application/json"));
    ck_assert(!fields_media_type_in(slice(NULL), "application/json"));
    ck_assert(fields_media_type_in(slice("text/csv; charset=windows-1252"), "text/csv"));
}
END_TEST

START_TEST(entity_tags)
{
    ck_assert(iqm_etag_matches(slice("\"7\""), "7", false));
    ck_assert(iqm_etag_matches(slice("\"7.gz\""), "7", false));
    ck_assert(iqm_etag_matches(slice("*"), "7", false));
    ck_assert(iqm_etag_matches(slice("\"1\", \"7\""), "7", false));
    ck_assert(iqm_etag_matches(slice("W/\"7\""), "7", true));
    ck_assert(!iqm_etag_matches(slice("W/\"7\""), "7", false));
    ck_assert(!iqm_etag_matches(slice("7"), "7", false));
    ck_assert(!iqm_etag_matches(slice("\"77\""), "7", false));
    ck_assert(!iqm_etag_matches(slice("\"7"), "7", false));
    ck_assert(!iqm_etag_matches(slice(""), "7", false));
    ck_assert(!iqm_etag_matches(slice("\"1\" \"7"), "7", false));
    ck_assert(!iqm_etag_matches(slice("\"7\" \"8\""), "7", false));
    ck_assert(!iqm_etag_matches(slice("\"7\".gz"), "7", false));
    ck_assert(iqm_etag_matches(slice(" \"7\" , \"8\""), "8", false));
}
END_TEST

START_TEST(origins_are_compared_whole)
{
    static const char list[] = "https://app.example.org, https://www.example.org:8443";

    ck_assert(cors_allows(list, slice("https://app.example.org")));
    ck_assert(cors_allows(list, slice("https://www.example.org:8443")));
    ck_assert(!cors_allows(list, slice("https://www.example.org")));
    ck_assert(!cors_allows(list, slice("https://app.example.org.evil.example")));
    ck_assert(!cors_allows(list, slice("")));
    ck_assert(!cors_allows(list, slice(NULL)));
    ck_assert(!cors_allows("", slice("null")));
}
END_TEST

static const char *registered;

static const char *registered_origins(void *services)
{
    (void)services;
    return registered;
}

START_TEST(registered_origins_count_beside_configured_ones)
{
    struct iqm_config config = {.cors_origins = (char[]){"https://app.example.org"}};
    struct iqm_server_options options = {.config = &config, .origins = registered_origins};
    struct worker *worker = calloc(1, sizeof *worker);
    struct request request = {.worker = worker};

    worker->options = &options;
    ck_assert(!cors_admits(&request));
    request.fields.origin = slice("https://other.example.org");
    ck_assert(!cors_admits(&request));
    registered = "https://one.example.org,https://other.example.org";
    ck_assert(cors_admits(&request));
    request.fields.origin = slice("https://app.example.org");
    ck_assert(cors_admits(&request));
    config.cors_origins = (char[]){""};
    ck_assert(!cors_admits(&request));
    ck_assert(cors_is_used(&request));
    options.origins = NULL;
    ck_assert(!cors_is_used(&request));
    free(worker);
}
END_TEST

START_TEST(a_user_agent_is_short_and_printable)
{
    struct iqm_arena *arena = iqm_arena_new(1 << 16);
    char longest[301] = "";

    memset(longest, 'x', sizeof longest - 1);
    ck_assert_ptr_null(fields_printable(arena, slice(NULL)));
    ck_assert_str_eq(fields_printable(arena, slice("")), "");
    ck_assert_str_eq(fields_printable(arena, slice("Mozilla/5.0 (X11)")), "Mozilla/5.0 (X11)");
    ck_assert_str_eq(fields_printable(arena, slice("a\tb\x7f\xc3\xa9\xff")), "a?b????");
    ck_assert_uint_eq(strlen(fields_printable(arena, slice(longest))), 200);
    iqm_arena_free(arena);
}
END_TEST

START_TEST(gzip_round_trip)
{
    struct iqm_arena *arena = iqm_arena_new(1 << 22);
    char text[50000], back[50000];
    size_t length;
    z_stream stream = {0};

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i % 26);
    for (int round = 0; round < 3; round++) {
        const char *packed = gzip_compress(arena, text, sizeof text, &length);
        ck_assert_ptr_nonnull(packed);
        ck_assert_uint_lt(length, sizeof text);
        ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
        stream.next_in = (z_const Bytef *)packed;
        stream.avail_in = (uInt)length;
        stream.next_out = (Bytef *)back;
        stream.avail_out = sizeof back;
        ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
        ck_assert_mem_eq(text, back, sizeof text);
        inflateEnd(&stream);
    }
    iqm_arena_free(arena);
}
END_TEST

static const char *header(struct MHD_Response *response, const char *name)
{
    return MHD_get_response_header(response, name);
}

START_TEST(what_is_on_its_way_out_says_so)
{
    const struct iqm_operation going = {
        .deprecation = {"@1788220800", "Wed, 01 Sep 2027 12:30:00 GMT", "</boxes>; rel=\"x\""}};
    const struct iqm_operation undated = {.deprecation = {.since = "@1788220800"}};
    const struct iqm_operation staying = {.id = "get_box"};
    const struct iqm_operation *const each[] = {&going, &undated, &staying, NULL};

    struct iqm_config config = {.cors_origins = (char[]){""}};
    const struct iqm_server_options options = {.config = &config};
    struct worker *worker = calloc(1, sizeof *worker);

    worker->options = &options;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        struct request request = {.worker = worker, .call.operation = each[i]};
        const struct iqm_deprecation said =
            each[i] != NULL ? each[i]->deprecation : (struct iqm_deprecation){0};
        iqm_call_reply(&request.call, 200, NULL, "", 0);
        ck_assert_ptr_nonnull(request.response);
        ck_assert_pstr_eq(header(request.response, "Deprecation"), said.since);
        ck_assert_pstr_eq(header(request.response, "Sunset"), said.sunset);
        ck_assert_pstr_eq(header(request.response, "Link"), said.successor);
        MHD_destroy_response(request.response);
    }
    free(worker);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {accept_header, accept_encoding_header, content_type_header,
        entity_tags, origins_are_compared_whole, registered_origins_count_beside_configured_ones,
        a_user_agent_is_short_and_printable, gzip_round_trip, what_is_on_its_way_out_says_so};

    return suite_run("http", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
