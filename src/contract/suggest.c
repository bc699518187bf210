/* Finds the member that a mistyped name may have meant. Bounded: long names get no suggestion. */
#include "suggest.h"

#include <string.h>

#define NAME_MAX_LEN 48
#define DISTANCE_MAX 2

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Levenshtein's distance of two names of at most NAME_MAX_LEN bytes. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = least(above + 1, row[j - 1] + 1, changed);
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *iqm_suggest_member(const struct iqm_schema *schema, const char *name, size_t len)
{
    const char *best = NULL;
    size_t best_distance = DISTANCE_MAX + 1;
    if (len > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < schema->member_count; i++) {
        const char *candidate = schema->members[i].name;
        size_t candidate_len = strlen(candidate);
        if (candidate_len > NAME_MAX_LEN)
            continue;
        size_t edits = distance(name, len, candidate, candidate_len);
        /* Two edits of a short name make any other name. */
        if (edits < best_distance && edits * 2 <= candidate_len) {
            best = candidate;
            best_distance = edits;
        }
    }
    return best;
}
