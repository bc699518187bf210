/* Events as text (WHATWG HTML, 9.2.5). Ids and words of ours alone: nothing that needs an escape.
 */
#include "listener.h"

#include "iqm/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *finish(struct iqm_buffer *text)
{
    if (!text->failed)
        iqm_buffer_add(text, "", 1);
    if (text->failed) {
        iqm_buffer_free(text);
        return NULL;
    }
    return text->bytes;
}

static void add_change(struct iqm_buffer *text, const PGresult *rows, int row)
{
    iqm_buffer_text(text, row > 0 ? ",{\"change\":\"" : "{\"change\":\"");
    iqm_buffer_text(text, PQgetvalue(rows, row, EVENT_CHANGE));
    iqm_buffer_text(text, "\",\"type\":\"");
    iqm_buffer_text(text, PQgetvalue(rows, row, EVENT_KIND));
    iqm_buffer_text(text, "\",\"id\":\"");
    iqm_buffer_text(text, PQgetvalue(rows, row, EVENT_ID));
    iqm_buffer_text(text, "\"}");
}

char *event_of_page(const PGresult *rows, const char *cursor, bool more)
{
    struct iqm_buffer text = {0};

    iqm_buffer_text(&text, "event: changes\nid: ");
    iqm_buffer_text(&text, cursor);
    iqm_buffer_text(&text, "\ndata: {\"changes\":[");
    for (int i = 0; i + 1 < PQntuples(rows); i++)
        add_change(&text, rows, i);
    iqm_buffer_text(&text, more ? "],\"more\":true}\n\n" : "],\"more\":false}\n\n");
    return finish(&text);
}

char *event_start_again(void)
{
    return strdup("event: start_again\ndata: {\"type\":\"/problems/sync_expired\"}\n\n");
}

/* An id without data is remembered by clients and is no event. */
char *event_heartbeat(const char *cursor)
{
    struct iqm_buffer text = {0};

    iqm_buffer_text(&text, ":\n");
    if (cursor != NULL) {
        iqm_buffer_text(&text, "id: ");
        iqm_buffer_text(&text, cursor);
        iqm_buffer_text(&text, "\n");
    }
    iqm_buffer_text(&text, "\n");
    return finish(&text);
}
