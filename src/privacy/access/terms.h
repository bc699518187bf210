/*
 * How a person may be named in a text: by the whole name, the family name, the e-mail address or
 * the telephone number. What is found is for a human to judge, so rather once too often. Knows
 * neither documents nor the database.
 */
#ifndef IQM_PRIVACY_TERMS_H
#define IQM_PRIVACY_TERMS_H

#include "iqm/arena.h"

#include <jansson.h>
#include <stdint.h>

#define MENTION_TERMS_MAX 3
#define MENTION_DIGITS 9 /* the last ones of a number, which all ways of dialling it share */

struct mention_term {
    const char *kind;      /* "name", "surname" or "email" */
    const int32_t *folded; /* see folded_text */
    size_t length;
};

struct mention_terms {
    struct mention_term words[MENTION_TERMS_MAX];
    unsigned count;
    char digits[MENTION_DIGITS + 1]; /* "": none */
};

/* From a person's document; in the arena. 0 or IQM_ENOMEM. */
int mention_terms_read(
    struct iqm_arena *arena, const json_t *person, struct mention_terms *ret_terms);

/*
 * A text as it is compared, code point by code point, with where each stands in the original: small
 * letters without marks (Unicode canonical decomposition and case folding), one space for any run
 * of spaces and line ends, one form of dashes and one of apostrophes.
 */
struct folded_text {
    const char *text; /* borrowed */
    size_t bytes;
    int32_t *points;
    size_t *offsets;
    size_t length;
};

/* Of valid UTF-8, in the arena. 0 or IQM_ENOMEM. */
int folded_text_read(struct iqm_arena *arena, const char *text, struct folded_text *ret_folded);

/* The kind of the first term that stands in the text as words of their own, and at which code
 * point; NULL: none does. */
const char *mention_terms_match(
    const struct mention_terms *terms, const struct folded_text *text, size_t *ret_place);

/* A regular expression for PostgreSQL that is in every text, made lower case, in which a term is
 * (and in others); "" where there is none but what is in every text. In the arena. 0 or IQM_ENOMEM.
 */
int mention_terms_pattern(
    struct iqm_arena *arena, const struct mention_terms *terms, const char **ret_pattern);

#endif
