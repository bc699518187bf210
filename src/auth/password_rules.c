/* What may become a password: its length, and that attackers do not try it first. No rules about
 * kinds of characters, as NIST SP 800-63B 5.1.1.2 has it. */
#include "iqm/text.h"
#include "password_words.h"

#include <sodium.h>
#include <string.h>

/* Shorter ones would refuse too much. */
#define NAME_MIN 3

static bool is_known(const void *cls, struct iqm_slice folded)
{
    return password_is_common(folded) || password_is_listed(cls, folded);
}

static bool is_name(struct iqm_slice folded, const char *name, size_t len)
{
    return len >= NAME_MIN && password_word_equals(folded, (struct iqm_slice){name, len});
}

/* What stands between the words of a name. */
static const char between[] = " ._-+";

static struct iqm_slice joined(char *room, const char *text, size_t len)
{
    struct iqm_slice words = {room, 0};

    for (size_t i = 0; i < len; i++)
        if (strchr(between, text[i]) == NULL)
            room[words.len++] = text[i];
    return words;
}

/* One side of the @: the whole, however its words are joined, or one of them. */
static bool is_of_side(struct iqm_slice folded, const char *side, size_t len)
{
    char typed[IQM_PASSWORD_BYTES], known[IQM_PASSWORD_BYTES];

    if (folded.len > sizeof typed || len > sizeof known)
        return false;
    struct iqm_slice words = joined(known, side, len);
    bool found = is_name(joined(typed, folded.ptr, folded.len), words.ptr, words.len);
    sodium_memzero(typed, sizeof typed);
    for (size_t start = 0; start < len && !found;) {
        size_t end = start;
        while (end < len && strchr(between, side[end]) == NULL)
            end++;
        found = is_name(folded, side + start, end - start);
        start = end + 1;
    }
    return found;
}

/* The address that one signs in with, what stands before its @, or what is behind. */
static bool is_of_sign_in_name(const void *cls, struct iqm_slice folded)
{
    const char *name = cls;
    const char *at = strrchr(name, '@');

    if (is_name(folded, name, strlen(name)))
        return true;
    return at != NULL && (is_of_side(folded, name, (size_t)(at - name)) ||
                             is_of_side(folded, at + 1, strlen(at + 1)));
}

static const char *length_flaw(struct iqm_slice password)
{
    if (password.len > IQM_PASSWORD_BYTES)
        return "A password may have at most 256 characters.";
    if (!iqm_text_is_utf8(password.ptr, password.len))
        return "A password must be text in UTF-8, without the character NUL.";
    size_t length = iqm_text_length(password.ptr, password.len);
    if (length < IQM_PASSWORD_CHARACTERS_MIN)
        return "A password must have at least 8 characters.";
    if (length > IQM_PASSWORD_CHARACTERS_MAX)
        return "A password may have at most 256 characters.";
    return NULL;
}

const char *iqm_password_flaw(
    const struct iqm_password_list *list, struct iqm_slice password, const char *sign_in_name)
{
    const char *flaw = length_flaw(password);

    if (flaw != NULL)
        return flaw;
    if (password_is_runs(password))
        return "This password only repeats characters or follows a row of them; choose another.";
    if (sign_in_name != NULL && password_is_word(password, is_of_sign_in_name, sign_in_name))
        return "This password is part of your e-mail address, with little added; choose another.";
    if (password_is_word(password, is_known, list))
        return "This password is one of those that are tried first; choose another.";
    return NULL;
}
