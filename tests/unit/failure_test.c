/* Errors as OAuth tells them and as pages, redirects, and the headers that pages come with. */
#include "contract_tables.h"
#include "http/worker.h"
#include "iqm/page.h"
#include "suite.h"

#include <string.h>

static const struct iqm_config config = {.cors_origins = ""};
static const struct iqm_server_options options = {.config = &config, .contract = &iqm_contract};
static struct worker worker = {.options = &options};
static struct iqm_operation operation;
static struct request request;

static void set_up(void)
{
    memset(&request, 0, sizeof request);
    operation = (struct iqm_operation){.id = "tested"};
    request.worker = &worker;
    request.call.arena = iqm_arena_new(1 << 16);
    request.call.operation = &operation;
    strcpy(request.request_id_text, "an-id");
    iqm_problem_init(&request.call.problem, request.call.arena);
}

static void tear_down(void)
{
    if (request.response != NULL)
        MHD_destroy_response(request.response);
    iqm_arena_free(request.call.arena);
}

static const char *header(const char *name)
{
    return MHD_get_response_header(request.response, name);
}

static const char *oauth_text(const struct iqm_problem_type *type, const char *detail)
{
    iqm_problem_set(&request.call.problem, type, detail != NULL ? "%s" : NULL, detail);
    return failure_oauth_text(&request.call.problem);
}

START_TEST(oauth_codes)
{
    static const struct iqm_problem_type own = {
        "invalid_grant", 400, "No", "Not now.", "", "", true};
    static const struct iqm_problem_type many = {"many", 429, "Many", "Later.", "", "", false};

    ck_assert_str_eq(
        oauth_text(&own, NULL), "{\"error\":\"invalid_grant\",\"error_description\":\"Not now.\"}");
    ck_assert_str_eq(
        oauth_text(&many, "Soon."), "{\"error\":\"slow_down\",\"error_description\":\"Soon.\"}");
    ck_assert_ptr_nonnull(strstr(oauth_text(IQM_PROBLEM_MALFORMED_BODY, NULL), "invalid_request"));
    ck_assert_ptr_nonnull(
        strstr(oauth_text(IQM_PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL), "invalid_request"));
    ck_assert_ptr_nonnull(strstr(oauth_text(IQM_PROBLEM_UNAUTHORIZED, NULL), "invalid_client"));
    ck_assert_ptr_nonnull(strstr(oauth_text(IQM_PROBLEM_FORBIDDEN, NULL), "access_denied"));
    ck_assert_ptr_nonnull(
        strstr(oauth_text(IQM_PROBLEM_SERVICE_UNAVAILABLE, NULL), "temporarily_unavailable"));
    ck_assert_ptr_nonnull(strstr(oauth_text(IQM_PROBLEM_INTERNAL_ERROR, NULL), "server_error"));
}
END_TEST

START_TEST(oauth_descriptions_keep_to_their_letters)
{
    ck_assert_str_eq(oauth_text(IQM_PROBLEM_FORBIDDEN, "“a” \"b\" ’c’ \\ \n é € \x7F 😀 ~!"),
        "{\"error\":\"access_denied\",\"error_description\":\"'a' 'b' 'c' ? ? ? ? ? ? ~!\"}");
    ck_assert_str_eq(oauth_text(IQM_PROBLEM_FORBIDDEN, "\xE2"),
        "{\"error\":\"access_denied\",\"error_description\":\"?\"}");
}
END_TEST

START_TEST(the_first_fault_is_the_sentence)
{
    struct iqm_problem *problem = &request.call.problem;

    iqm_problem_parameter(problem, "client_id", "query", "is required");
    iqm_problem_at(problem, "/code", "is too long");
    iqm_problem_set(problem, IQM_PROBLEM_INVALID_PARAMETERS, NULL);
    ck_assert_str_eq(failure_sentence(problem), "client_id is required.");
    problem->violations++;
    ck_assert_str_eq(failure_sentence(problem), "code is too long.");
    iqm_problem_set(problem, IQM_PROBLEM_INVALID_PARAMETERS, "Better words.");
    ck_assert_str_eq(failure_sentence(problem), "Better words.");
}
END_TEST

START_TEST(the_operation_chooses_the_form)
{
    static const struct {
        uint8_t errors;
        const char *media_type, *challenge;
    } forms[] = {{IQM_ERRORS_PROBLEM, "application/problem+json", "Bearer realm=\"iqm\""},
        {IQM_ERRORS_OAUTH, "application/json", "Basic realm=\"iqm\""},
        {IQM_ERRORS_PAGE, "text/html; charset=utf-8", "Bearer realm=\"iqm\""}};

    for (size_t i = 0; i < IQM_LENGTH(forms); i++) {
        operation.errors = forms[i].errors;
        iqm_call_etag(&request.call, "7");
        iqm_call_fail_with(&request.call, IQM_PROBLEM_UNAUTHORIZED);
        ck_assert_uint_eq(request.status, 401);
        ck_assert_str_eq(header("Content-Type"), forms[i].media_type);
        ck_assert_str_eq(header("WWW-Authenticate"), forms[i].challenge);
        ck_assert_str_eq(header("Cache-Control"), "no-store");
        ck_assert_ptr_null(header("ETag"));
        tear_down();
        set_up();
    }
}
END_TEST

START_TEST(what_a_caller_sent_is_no_markup)
{
    struct iqm_page page;

    iqm_page_begin(&page, &request.call, "<b>&\"'");
    iqm_page_add(&page, "<p title=\"");
    iqm_page_text(&page, "\"><script>");
    iqm_page_reply(&request.call, 200, &page, NULL);
    page.bytes[page.length - 1] = '\0';
    ck_assert_ptr_nonnull(strstr(page.bytes, "<h1>&lt;b&gt;&amp;&quot;&#39;</h1>"));
    ck_assert_ptr_nonnull(strstr(page.bytes, "<p title=\"&quot;&gt;&lt;script&gt;"));
    ck_assert_ptr_null(strstr(page.bytes, "<script"));
    ck_assert_uint_eq(request.answer_bytes, page.length);
}
END_TEST

START_TEST(pages_grow)
{
    struct iqm_page page;
    size_t before;

    iqm_page_begin(&page, &request.call, "Long");
    before = page.length;
    for (int i = 0; i < 3000; i++)
        iqm_page_add(&page, "abc");
    ck_assert(!page.failed);
    ck_assert_uint_eq(page.length, before + 9000);
    ck_assert_mem_eq(page.bytes + page.length - 6, "abcabc", 6);
}
END_TEST

/* The hash in the policy is that of the style sheet in the page, as a browser computes it. */
START_TEST(the_policy_fits_the_page)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[64];
    struct iqm_page page;

    iqm_page_begin(&page, &request.call, "Styled");
    const char *start = strstr(page.bytes, "<style>") + strlen("<style>");
    const char *end = strstr(start, "</style>");
    crypto_hash_sha256(hash, (const unsigned char *)start, (unsigned long long)(end - start));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    iqm_page_reply(&request.call, 200, &page, "https://app.example.org");
    const char *policy = header("Content-Security-Policy");
    ck_assert_ptr_nonnull(strstr(policy, text));
    ck_assert_ptr_nonnull(strstr(policy, "default-src 'none'; "));
    ck_assert_ptr_nonnull(strstr(policy, "form-action 'self' https://app.example.org; "));
    ck_assert_ptr_nonnull(strstr(policy, "frame-ancestors 'none'"));
    ck_assert_str_eq(header("X-Frame-Options"), "DENY");
    ck_assert_str_eq(header("Referrer-Policy"), "same-origin");
    ck_assert_str_eq(header("Cache-Control"), "no-store");
}
END_TEST

START_TEST(a_policy_cannot_be_extended)
{
    static const char *const odd[] = {
        "https://a.example; script-src *", "https://a.example *", "*", "'unsafe-inline'", ""};

    for (size_t i = 0; i < IQM_LENGTH(odd); i++) {
        struct iqm_page page;
        iqm_page_begin(&page, &request.call, "Odd");
        iqm_page_reply(&request.call, 200, &page, odd[i]);
        ck_assert_ptr_nonnull(
            strstr(header("Content-Security-Policy"), "form-action 'self'; frame-ancestors"));
        tear_down();
        set_up();
    }
}
END_TEST

START_TEST(pages_are_not_compressed)
{
    struct iqm_page page;

    request.fields.accept_encoding = IQM_SLICE("gzip");
    iqm_page_begin(&page, &request.call, "Plain");
    iqm_page_reply(&request.call, 200, &page, NULL);
    ck_assert_uint_gt(page.length, 1000);
    ck_assert_ptr_null(header("Content-Encoding"));
}
END_TEST

START_TEST(a_page_without_memory_is_a_500)
{
    struct iqm_page page;

    while (iqm_arena_alloc(request.call.arena, 16) != NULL)
        continue;
    iqm_page_begin(&page, &request.call, "None");
    ck_assert(page.failed);
    iqm_page_reply(&request.call, 200, &page, NULL);
    ck_assert_uint_eq(request.status, 500);
    ck_assert_ptr_nonnull(strstr(header("Content-Security-Policy"), "default-src 'none'"));
    ck_assert_ptr_eq(request.call.problem.type, IQM_PROBLEM_INTERNAL_ERROR);
}
END_TEST

START_TEST(redirects_are_303)
{
    iqm_call_redirect(&request.call, "https://app.example.org/back?code=1");
    ck_assert_uint_eq(request.status, 303);
    ck_assert_str_eq(header("Location"), "https://app.example.org/back?code=1");
    ck_assert_str_eq(header("Cache-Control"), "no-store");
    ck_assert_str_eq(header("Referrer-Policy"), "same-origin");
    ck_assert_ptr_null(header("Content-Type"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {oauth_codes, oauth_descriptions_keep_to_their_letters,
        the_first_fault_is_the_sentence, the_operation_chooses_the_form,
        what_a_caller_sent_is_no_markup, pages_grow, the_policy_fits_the_page,
        a_policy_cannot_be_extended, pages_are_not_compressed, a_page_without_memory_is_a_500,
        redirects_are_303};

    return suite_run("failure", set_up, tear_down, tests, sizeof tests / sizeof tests[0]);
}
