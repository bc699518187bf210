/* Text as it comes from outside: is it UTF-8, how long is it, what do its %XX stand for. */
#ifndef IQM_TEXT_H
#define IQM_TEXT_H

#include "iqm/arena.h"

/* Whether the bytes are UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL. */
bool iqm_text_is_utf8(const char *text, size_t len);

/* The number of code points in valid UTF-8. */
size_t iqm_text_length(const char *text, size_t len);

/*
 * The number of words in valid UTF-8: runs of characters other than white space, which is what \s
 * matches in ECMAScript (ECMA-262, 12.2 and 12.3), so that a page counts as we do.
 */
size_t iqm_text_words(const char *text, size_t len);

/* The longest start of valid UTF-8 with at most `max` bytes that cuts no code point. */
size_t iqm_text_cut(const char *text, size_t len, size_t max);

/*
 * Decodes %XX once; other bytes stay as they are, "+" too. The result is terminated and lives in
 * `arena`. IQM_EINVAL: a broken escape, a NUL, or not UTF-8. IQM_ENOMEM.
 */
int iqm_text_percent_decode(
    struct iqm_slice text, struct iqm_arena *arena, struct iqm_slice *ret_decoded);

#endif
