/* Lists: a page of documents, or all of them for who asks for an export. */
#include "export.h"
#include "listing.h"
#include "read.h"

#include "contract_tables.h"
#include "iqm/auth.h"

#include <stdio.h>
#include <string.h>

/* The id of the page's last row from its document: cheaper than a column of every row. */
static void copy_last_id(PGresult *rows, int last, struct iqm_cursor *cursor)
{
    json_t *document =
        json_loadb(PQgetvalue(rows, last, 0), (size_t)PQgetlength(rows, last, 0), 0, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));

    snprintf(cursor->id, sizeof cursor->id, "%s", id != NULL ? id : "");
    json_decref(document);
}

/* The cursor after row `last`; NULL when it is the last of all. */
static char *next_cursor(struct reading *reading, PGresult *rows, int last)
{
    struct iqm_cursor cursor = {
        .sort = (uint8_t)reading->listing->sort, .filters = reading->listing->filters};

    if (last < 0 || last + 1 >= PQntuples(rows))
        return NULL;
    copy_last_id(rows, last, &cursor);
    cursor.key = reading->listing->sort != 0 ? PQgetvalue(rows, last, 1) : "";
    return iqm_cursor_write(reading->call->arena, &cursor);
}

static void answer_page(struct reading *reading)
{
    PGresult *rows = reading->batch.results[1];
    struct page page = {.arena = reading->call->arena};
    int count = page_open(&page, rows, 0, (int)reading->listing->limit);
    bool any = false;

    for (int i = 0; i < count; i++) {
        struct iqm_slice document = reading_document(reading, i);
        if (document.ptr == NULL)
            continue;
        if (any)
            page_add(&page, ",", 1);
        page_add(&page, document.ptr, document.len);
        any = true;
    }
    page_reply(reading->call, &page, next_cursor(reading, rows, count - 1));
}

static void answer_pages(struct iqm_call *call, struct listing *listing)
{
    struct reading *reading = reading_begin(call, answer_page);

    if (reading == NULL)
        return;
    reading->listing = listing;
    if (iqm_export_refuse_fields(call) != 0 || listing_page(listing) != 0) {
        iqm_pg_batch_clear(&reading->batch);
        call->state = NULL;
        call->release = NULL;
        iqm_auth_refuse(call);
        return;
    }
    reading->goes_on = listing->goes_on;
    iqm_pg_batch_add(
        &reading->batch, listing->name, listing->sql, listing->values, listing->value_count);
    reading_send(reading);
}

static void answer_file(
    struct iqm_call *call, const struct iqm_export_format *format, struct listing *listing)
{
    const struct iqm_resource *resource = call->operation->resource;
    struct export_source *source = iqm_arena_alloc(call->arena, sizeof *source);

    if (source == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    listing_whole(listing, "DECLARE " IQM_WALK_CURSOR " NO SCROLL CURSOR FOR SELECT doc::text");
    *source = (struct export_source){
        .sql = listing->sql, .values = listing->values, .value_count = listing->value_count};
    export_rows(call, format, source, resource->schema, strrchr(resource->collection, '/') + 1);
}

void iqm_resource_list(struct iqm_call *call)
{
    struct listing *listing = iqm_arena_alloc(call->arena, sizeof *listing);
    const struct iqm_export_format *format = iqm_export_wanted(call);

    if (listing == NULL) {
        iqm_call_fail_with(call, IQM_PROBLEM_INTERNAL_ERROR);
        return;
    }
    listing->call = call;
    if (format != NULL)
        answer_file(call, format, listing);
    else
        answer_pages(call, listing);
}
