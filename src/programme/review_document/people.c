/* Who is named in the records of the year: sealed when the statement gives them, and so put into
 * the document here. */
#include "programme/review_document/review_page.h"

#include "contract_tables.h"
#include "iqm/resource.h"

#include <stdlib.h>
#include <string.h>

struct people {
    void (*next)(struct step *step, struct iqm_slice document);
    struct iqm_slice document; /* as the statement gave it */
    struct iqm_slice *stored;
    size_t count;
};

struct named {
    const char *name; /* as JSON has it */
    struct iqm_slice text;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Those who were not erased meanwhile, by name. How many; negative when memory is out. */
static int sort_people(
    struct step *step, const struct iqm_slice *documents, struct named **ret_people)
{
    const struct people *people = step->user;
    struct iqm_arena *arena = step->call->arena;
    struct named *list = iqm_arena_array(arena, people->count + 1, sizeof *list);
    int count = 0;

    for (size_t i = 0; list != NULL && i < people->count; i++) {
        json_t *person = documents[i].ptr == NULL
                             ? NULL
                             : json_loadb(documents[i].ptr, documents[i].len, 0, NULL);
        const char *name = iqm_rules_text(person, "name");
        if (name != NULL)
            list[count++] = (struct named){iqm_arena_string(arena, name), documents[i]};
        json_decref(person);
        if (name != NULL && list[count - 1].name == NULL)
            return IQM_ENOMEM;
    }
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, compare_names);
    *ret_people = list;
    return list != NULL ? count : IQM_ENOMEM;
}

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

/* The document with its people as the last member. */
static void people_opened(struct step *step, const struct iqm_slice *documents)
{
    static const char lead[] = ",\"people\":[";
    const struct people *people = step->user;
    struct named *list;
    size_t room = people->document.len + sizeof lead + 3;
    int count = sort_people(step, documents, &list);

    for (int i = 0; i < count; i++)
        room += list[i].text.len + 1;
    char *text = count >= 0 ? iqm_arena_bytes(step->call->arena, room) : NULL;
    if (text == NULL) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    char *at = put(text, people->document.ptr, people->document.len - 1); /* without its brace */
    at = put(at, lead, sizeof lead - 1);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            at = put(at, ",", 1);
        at = put(at, list[i].text.ptr, list[i].text.len);
    }
    at = put(at, "]}", 2);
    people->next(step, (struct iqm_slice){text, (size_t)(at - text)});
}

/* The people of the list as texts of their own. 0 or IQM_ENOMEM. */
static int split(struct people *people, struct iqm_arena *arena, json_t *list)
{
    people->count = json_array_size(list);
    people->stored = iqm_arena_array(arena, people->count + 1, sizeof *people->stored);
    for (size_t i = 0; people->stored != NULL && i < people->count; i++) {
        const json_t *person = json_array_get(list, i);
        size_t length = json_dumpb(person, NULL, 0, JSON_COMPACT);
        char *text = iqm_arena_bytes(arena, length + 1);
        if (text == NULL || json_dumpb(person, text, length, JSON_COMPACT) != length)
            return IQM_ENOMEM;
        people->stored[i] = (struct iqm_slice){text, length};
    }
    return people->stored != NULL ? 0 : IQM_ENOMEM;
}

void review_document_people(struct step *step, const PGresult *rows,
    void (*next)(struct step *step, struct iqm_slice document))
{
    struct people *people = iqm_arena_alloc(step->call->arena, sizeof *people);

    if (!step_shows(step, rows, 0))
        return;
    json_t *list = json_loadb(PQgetvalue(rows, 0, 1), (size_t)PQgetlength(rows, 0, 1), 0, NULL);
    int error = people != NULL ? split(people, step->call->arena, list) : IQM_ENOMEM;
    json_decref(list);
    if (error != 0) {
        step_fail(step, IQM_PROBLEM_INTERNAL_ERROR, NULL);
        return;
    }
    people->next = next;
    people->document = iqm_pg_slice(rows, 0, 0);
    step->user = people;
    step_open_people(step, people->stored, people->count, people_opened);
}
