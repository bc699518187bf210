/* A page of a list: {"items":[…],"next":…} and its Link header (RFC 8288). */
#include "read.h"

#include "contract_tables.h"
#include "iqm/text.h"

#include <string.h>

void page_add(struct page *page, const char *bytes, size_t len)
{
    if (page->length + len > page->room) {
        size_t room = page->room > 0 ? page->room : 16 * 1024;
        while (room < page->length + len)
            room *= 2;
        char *grown = iqm_arena_bytes(page->arena, room);
        if (grown == NULL) {
            page->failed = true;
            return;
        }
        if (page->length > 0)
            memcpy(grown, page->text, page->length);
        page->text = grown;
        page->room = room;
    }
    if (!page->failed)
        memcpy(page->text + page->length, bytes, len);
    page->length += len;
}

void page_add_string(struct page *page, const char *string)
{
    page_add(page, string, strlen(string));
}

/* What stands around a document in a page, at most; and around them all with the longest cursor. */
#define AROUND_DOCUMENT 200
#define AROUND_PAGE 2048

int page_open(struct page *page, const PGresult *rows, int column, int limit)
{
    size_t size = AROUND_PAGE;
    int count = 0;

    while (count < limit && count < PQntuples(rows)) {
        size_t length = (size_t)PQgetlength(rows, count, column) + AROUND_DOCUMENT;
        if (count > 0 && size + length > PAGE_BYTES_MAX)
            break;
        size += length;
        count++;
    }
    page->text = iqm_arena_bytes(page->arena, size);
    page->room = page->text != NULL ? size : 0;
    page_add_string(page, "{\"items\":[");
    return count;
}

/* However it is spelled: names may be percent-encoded like values. */
static bool is_cursor(struct iqm_arena *arena, struct iqm_slice pair)
{
    const char *equals = memchr(pair.ptr, '=', pair.len);
    struct iqm_slice name = {pair.ptr, equals != NULL ? (size_t)(equals - pair.ptr) : pair.len};

    return iqm_text_percent_decode(name, arena, &name) == 0 &&
           iqm_slice_equal_string(name, "cursor");
}

/* The request's own query without its cursor; characters that would end the link are encoded. */
static void add_query(struct page *link, struct iqm_slice query)
{
    while (query.len > 0) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t length = end != NULL ? (size_t)(end - query.ptr) : query.len;
        size_t step = end != NULL ? length + 1 : length;
        bool cursor = is_cursor(link->arena, (struct iqm_slice){query.ptr, length});
        for (size_t i = 0; i < length && !cursor; i++) {
            char c = query.ptr[i];
            if (c == '<' || c == '>' || c == '"')
                page_add_string(link, c == '<' ? "%3C" : c == '>' ? "%3E" : "%22");
            else
                page_add(link, &c, 1);
        }
        if (!cursor && length > 0)
            page_add(link, "&", 1);
        query = (struct iqm_slice){query.ptr + step, query.len - step};
    }
}

/* The path as the client wrote it, for histories too. */
static void add_path(struct page *link, const struct iqm_call *call)
{
    const char *template = call->operation->path;
    unsigned value = 0;

    for (const char *p = template; *p != '\0'; p++) {
        if (*p != '{') {
            page_add(link, p, 1);
            continue;
        }
        page_add(link, call->path_values[value].ptr, call->path_values[value].len);
        value++;
        p = strchr(p, '}');
        if (p == NULL)
            return;
    }
}

void iqm_page_link(struct iqm_call *call, const char *cursor)
{
    struct page link = {.arena = call->arena};

    if (cursor == NULL)
        return;
    page_add_string(&link, "<");
    add_path(&link, call);
    page_add_string(&link, "?");
    add_query(&link, call->query);
    page_add_string(&link, "cursor=");
    page_add_string(&link, cursor);
    page_add(&link, ">; rel=\"next\"", sizeof ">; rel=\"next\"");
    if (!link.failed)
        iqm_call_header(call, "Link", link.text);
}

void page_reply(struct iqm_call *call, struct page *page, const char *cursor)
{
    page_add_string(page, "],\"next\":");
    if (cursor != NULL) {
        page_add_string(page, "\"");
        page_add_string(page, cursor);
        page_add_string(page, "\"}");
    } else {
        page_add_string(page, "null}");
    }
    iqm_page_link(call, cursor);
    if (page->failed)
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
    else
        iqm_call_reply(call, 200, "application/json", page->text, page->length);
}
