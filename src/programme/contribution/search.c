/* Searching contributions: the statement finds and ranks, here the answer is put together. */
#include "contract_tables.h"
#include "programme/contribution/highlight.h"
#include "programme/step.h"

#include <stdio.h>
#include <string.h>

/* Columns of search_contributions.sql. */
enum column { DOCUMENT, RANK, RANKED, COMPLETE, QUERY };

/* What stands around a document, its highlight included, at most; and around them all. */
#define AROUND_ITEM (HIGHLIGHT_TEXT + 100)
#define AROUND_ANSWER 100

static size_t room_needed(const PGresult *rows)
{
    size_t size = AROUND_ANSWER;

    for (int i = 0; i < PQntuples(rows); i++)
        size += (size_t)PQgetlength(rows, i, DOCUMENT) + AROUND_ITEM;
    return size;
}

static char *write_item(char *end, const struct highlight *highlight, const PGresult *rows, int row)
{
    const char *text = PQgetvalue(rows, row, DOCUMENT);
    size_t length = (size_t)PQgetlength(rows, row, DOCUMENT);
    json_t *document = json_loadb(text, length, 0, NULL);

    end = stpcpy(end, row > 0 ? ",{\"contribution\":" : "{\"contribution\":");
    end = (char *)mempcpy(end, text, length);
    end += sprintf(end, ",\"rank\":%.20s,\"highlight\":\"", PQgetvalue(rows, row, RANK));
    end += highlight_write(highlight, document, end);
    json_decref(document);
    return stpcpy(end, "\"}");
}

static void answer(struct step *step, const PGresult *rows)
{
    struct iqm_call *call = step->call;
    struct highlight highlight = {.count = 0};
    int count = PQntuples(rows);
    char *text = iqm_arena_bytes(call->arena, room_needed(rows));

    if (text == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    if (count > 0)
        highlight_read(PQgetvalue(rows, 0, QUERY), &highlight);
    char *end = stpcpy(text, "{\"items\":[");
    for (int i = 0; i < count; i++)
        end = write_item(end, &highlight, rows, i);
    end += sprintf(end, "],\"ranked\":%.10s,\"complete\":%s}",
        count > 0 ? PQgetvalue(rows, 0, RANKED) : "0",
        count == 0 || *PQgetvalue(rows, 0, COMPLETE) == 't' ? "true" : "false");
    iqm_call_reply(call, 200, "application/json", text, (size_t)(end - text));
}

void iqm_op_search_contributions(struct iqm_call *call)
{
    const struct iqm_statement *statement = call->operation->statement;
    struct step *step = step_new(call);

    if (step == NULL)
        return;
    for (uint16_t i = 0; i < statement->parameter_count; i++)
        step->values[i].text = iqm_call_parameter(call, statement->parameters[i]).ptr;
    step_read(step, statement, answer);
}
