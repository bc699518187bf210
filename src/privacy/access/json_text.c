/* Access as one JSON object: PersonalData of the contract. */
#include "privacy/access/access.h"

#include <stdlib.h>
#include <string.h>

static void add(struct access *access, const char *text)
{
    iqm_buffer_text(&access->text, text);
}

static void add_slice(struct access *access, struct iqm_slice text)
{
    iqm_buffer_add(&access->text, text.ptr, text.len);
}

/* What comes after something of its kind is parted from it. */
static void part(struct access *access)
{
    if (access->any)
        add(access, ",");
    access->any = true;
}

static int begin(struct access *access)
{
    char *processing = access_processing(access);

    add(access, "{\"person_id\":\"");
    add(access, access->person);
    add(access, "\",\"made_at\":\"");
    add(access, access->made_at);
    add(access, "\",\"processing\":");
    if (processing != NULL)
        add(access, processing);
    add(access, ",\"places\":[");
    free(processing);
    return processing != NULL ? 0 : IQM_ENOMEM;
}

static int place(struct access *access)
{
    part(access);
    add(access, "{\"place\":\"");
    add(access, access->place->name);
    add(access, "\",\"rows\":[");
    access->any = false;
    return 0;
}

/* What stands beside a document is told as the object that the document is a member of. */
static int row(struct access *access, const struct access_row *row)
{
    part(access);
    if (row->beside.ptr == NULL) {
        add_slice(access, row->document);
        return 0;
    }
    iqm_buffer_add(&access->text, row->beside.ptr, row->beside.len - 1);
    add(access, ",\"document\":");
    add_slice(access, row->document.ptr != NULL ? row->document : IQM_SLICE("null"));
    add(access, "}");
    return 0;
}

static int place_end(struct access *access)
{
    add(access, "]}");
    access->any = true;
    return 0;
}

static int mentions(struct access *access)
{
    add(access, "],\"mentions\":[");
    access->any = false;
    return 0;
}

static int mention(struct access *access, const struct mention *mention)
{
    part(access);
    return mention_write(mention, &access->text);
}

static int end(struct access *access)
{
    add(access, "]}");
    return 0;
}

const struct access_form access_as_json = {
    "application/json", begin, place, row, place_end, mentions, mention, end};
