/*
 * Pages of HTML: escaping, the one style sheet, and the headers that go with every page. What a
 * page says is its handler's.
 */
#include "iqm/page.h"

#include "contract_tables.h"
#include "request.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#define FIRST_ROOM 4096
#define HASH_TEXT_MAX 45 /* base64 of 32 bytes, and its end */
#define MEDIA_TYPE "text/html; charset=utf-8"
/* Of a page with scripts: files of this server, requests to it, and pictures inside style sheets.
 */
#define OWN_FILES " 'self'; script-src 'self'; connect-src 'self'; img-src data:"

/* Dark on light at 7:1 or better; one column from 320 px on; nothing is told by colour alone. */
#define STYLE                                                                                      \
    "*{box-sizing:border-box}"                                                                     \
    "body{margin:0;background:#f5f6f8;color:#1b1f24;font:1.0625rem/1.5 system-ui,sans-serif}"      \
    "main{max-width:32rem;margin:0 auto;padding:1.5rem 1rem;overflow-wrap:anywhere}"               \
    "h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}"                                        \
    "label{display:block;margin:1rem 0 .25rem;font-weight:600}"                                    \
    "input{width:100%;padding:.6rem;border:2px solid #50575f;border-radius:.25rem;"                \
    "background:#fff;color:inherit;font:inherit}"                                                  \
    "input[type=checkbox]{width:1.25rem;height:1.25rem;vertical-align:middle}"                     \
    "button{width:100%;min-height:2.75rem;margin-top:1.25rem;padding:.6rem 1rem;"                  \
    "border:2px solid #0b4a8a;border-radius:.25rem;background:#0b4a8a;color:#fff;"                 \
    "font:inherit;font-weight:600}"                                                                \
    "button.quiet{background:#fff;color:#0b4a8a}"                                                  \
    "a{color:#0b4a8a}"                                                                             \
    ":focus-visible{outline:3px solid #1b1f24;outline-offset:3px}"                                 \
    ".error{padding-left:.75rem;border-left:.375rem solid #a3001b;font-weight:600}"                \
    "p.quiet{color:#444b53;font-size:.9375rem}"                                                    \
    "main.document{max-width:56rem;background:#fff}"                                               \
    "h2{margin:2rem 0 .5rem;font-size:1.25rem;line-height:1.25}"                                   \
    "h3{margin:1.25rem 0 .25rem;font-size:1.0625rem}"                                              \
    "dt{font-weight:600}dd{margin:0 0 .5rem}"                                                      \
    "@media (min-width:40rem),print{"                                                              \
    "dl{display:grid;grid-template-columns:11rem 1fr;gap:.4rem 1rem}dd{margin:0}"                  \
    "th{overflow-wrap:normal}}"                                                                    \
    ".said{white-space:pre-line}"                                                                  \
    "pre{padding:.75rem;border:1px solid #50575f;font-size:.9375rem;white-space:pre-wrap}"         \
    "table{width:100%;margin:.5rem 0 1.25rem;border-collapse:collapse;font-size:.9375rem}"         \
    "caption{padding:.25rem 0;text-align:left;font-weight:600}"                                    \
    "th,td{padding:.35rem .5rem;border:1px solid #50575f;text-align:left;vertical-align:top}"      \
    "@page{size:A4;margin:18mm 16mm}"                                                              \
    "@media print{body{background:#fff;font-size:10.5pt}main.document{max-width:none;padding:0}"   \
    "h2,h3,caption{break-after:avoid}tr,dd{break-inside:avoid}thead{display:table-header-group}}"

static char style_hash[HASH_TEXT_MAX];

static void hash_style(void)
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)STYLE, sizeof STYLE - 1);
    sodium_bin2base64(
        style_hash, sizeof style_hash, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
}

/* Room for `more` bytes at the end; NULL when there is none, now or since earlier. */
static char *reserve(struct iqm_page *page, size_t more)
{
    size_t room = page->room > 0 ? page->room : FIRST_ROOM;

    if (page->failed)
        return NULL;
    while (room - page->length < more)
        room *= 2;
    if (room > page->room) {
        char *grown = iqm_arena_bytes(page->arena, room);
        page->failed = grown == NULL;
        if (page->failed)
            return NULL;
        if (page->length > 0)
            memcpy(grown, page->bytes, page->length);
        page->bytes = grown;
        page->room = room;
    }
    return page->bytes + page->length;
}

static void append(struct iqm_page *page, const char *bytes, size_t len)
{
    char *place = reserve(page, len);

    if (place == NULL)
        return;
    memcpy(place, bytes, len);
    page->length += len;
}

void iqm_page_add(struct iqm_page *page, const char *html)
{
    append(page, html, strlen(html));
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return "&#39;";
    }
}

void iqm_page_text(struct iqm_page *page, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "&<>\"'");
        append(page, text, plain);
        text += plain;
        if (*text != '\0')
            iqm_page_add(page, entity(*text++));
    }
}

static void begin_head(struct iqm_page *page, struct iqm_call *call, const char *title)
{
    *page = (struct iqm_page){.arena = call->arena, .title = title};
    iqm_page_add(page, "<!DOCTYPE html>\n<html lang=\"en-GB\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                       "<style>" STYLE "</style><title>");
    iqm_page_text(page, title);
    iqm_page_add(page, " – IQM</title>");
}

static void begin_main(struct iqm_page *page, const char *main)
{
    iqm_page_add(page, "</head><body>");
    iqm_page_add(page, main);
    iqm_page_add(page, "<h1>");
    iqm_page_text(page, page->title);
    iqm_page_add(page, "</h1>\n");
}

void iqm_page_begin(struct iqm_page *page, struct iqm_call *call, const char *title)
{
    begin_head(page, call, title);
    begin_main(page, "<main>");
}

void iqm_page_begin_document(struct iqm_page *page, struct iqm_call *call, const char *title)
{
    begin_head(page, call, title);
    begin_main(page, "<main class=\"document\">");
}

void iqm_page_begin_interactive(struct iqm_page *page, struct iqm_call *call, const char *title)
{
    begin_head(page, call, title);
    page->interactive = true;
}

void iqm_page_begin_body(struct iqm_page *page)
{
    begin_main(page, "<main class=\"document\">");
}

/* Whether a source can stand in the policy and end nothing there. */
static bool is_source(const char *source)
{
    return source != NULL && strchr(source, ':') != NULL &&
           source[strspn(source, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789+-.:/[]")] == '\0';
}

/* Browsers hold a form to form-action on the redirect that answers it, too. */
static const char *policy(
    struct iqm_call *call, const struct iqm_page *page, const char *form_action)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    bool more = is_source(form_action);

    pthread_once(&once, hash_style);
    return iqm_arena_printf(call->arena,
        "default-src 'none'; style-src 'sha256-%s'%s; form-action 'self'%s%s; "
        "frame-ancestors 'none'; base-uri 'none'",
        style_hash, page->interactive ? OWN_FILES : "", more ? " " : "", more ? form_action : "");
}

static void add_headers(struct iqm_call *call, const char *content_policy)
{
    iqm_call_header(call, "Content-Security-Policy", content_policy);
    iqm_call_header(call, "Referrer-Policy", "same-origin");
    iqm_call_header(call, "X-Frame-Options", "DENY");
}

static void reply_without_memory(struct iqm_call *call)
{
    static const char bytes[] = "<!DOCTYPE html>\n<html lang=\"en-GB\"><title>Something went wrong"
                                "</title><h1>Something went wrong here</h1></html>\n";

    iqm_problem_set(&call->problem, IQM_PROBLEM_INTERNAL_ERROR, NULL);
    add_headers(call, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    iqm_call_reply(call, IQM_PROBLEM_INTERNAL_ERROR->status, MEDIA_TYPE, bytes, sizeof bytes - 1);
}

void iqm_page_reply(
    struct iqm_call *call, unsigned status, struct iqm_page *page, const char *form_action)
{
    const char *content_policy = policy(call, page, form_action);

    iqm_page_add(page, "</main></body></html>\n");
    iqm_call_etag(call, NULL); /* so that it is not stored */
    if (page->failed || content_policy == NULL) {
        reply_without_memory(call);
        return;
    }
    add_headers(call, content_policy);
    iqm_call_reply(call, status, MEDIA_TYPE, page->bytes, page->length);
}

void iqm_call_redirect(struct iqm_call *call, const char *location)
{
    iqm_call_etag(call, NULL);
    iqm_call_header(call, "Location", location);
    iqm_call_header(call, "Referrer-Policy", "same-origin");
    iqm_call_reply(call, MHD_HTTP_SEE_OTHER, NULL, "", 0);
}

void iqm_page_say(struct iqm_call *call, unsigned status, const char *title, const char *sentence)
{
    struct iqm_page page;

    iqm_page_begin(&page, call, title);
    iqm_page_add(&page, "<p>");
    iqm_page_text(&page, sentence);
    iqm_page_add(&page, "</p>\n");
    iqm_page_reply(call, status, &page, NULL);
}
