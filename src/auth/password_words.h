/* The word behind a password's disguise; shared by the files that know words to refuse. */
#ifndef IQM_AUTH_PASSWORD_WORDS_H
#define IQM_AUTH_PASSWORD_WORDS_H

#include "iqm/password.h"

/* Lower case (ASCII), usual substitutions undone. As "1" and "!" stand for both i and l, those two
 * become one: every word is compared in this form only. */
char password_fold(char character);

/* Whether `is_known` says yes to the password, or to what is left of it without the digits and
 * punctuation at its ends, or to the part of either that is repeated; all folded. */
bool password_is_word(struct iqm_slice password,
    bool (*is_known)(const void *cls, struct iqm_slice folded), const void *cls);

/* Whether a folded word is, folded, this one. */
bool password_word_equals(struct iqm_slice folded, struct iqm_slice word);

/* Whether it is made of runs: repetitions, alphabet, digits, rows and columns of keyboards. */
bool password_is_runs(struct iqm_slice password);

/* Whether a folded word is one of the program's own list. */
bool password_is_common(struct iqm_slice folded);

/* Whether a folded word is in a list that was read; `list` may be NULL. */
bool password_is_listed(const struct iqm_password_list *list, struct iqm_slice folded);

#endif
