/* Takes a password's disguise off: case, substitutions, what is put before, behind, or repeated. */
#include "password_words.h"

#include <sodium.h>
#include <string.h>

/* Characters at an end that are no letters may belong to the word all the same: "5ummer". */
#define KEPT_MAX 4

char password_fold(char character)
{
    switch (character) {
    case '0':
        return 'o';
    case '1':
    case '!':
    case '|':
    case 'l':
    case 'L':
        return 'i';
    case '3':
        return 'e';
    case '4':
    case '@':
        return 'a';
    case '5':
    case '$':
        return 's';
    case '7':
        return 't';
    case '8':
        return 'b';
    default:
        return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
    }
}

bool password_word_equals(struct iqm_slice folded, struct iqm_slice word)
{
    if (folded.len != word.len)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (folded.ptr[i] != password_fold(word.ptr[i]))
            return false;
    }
    return true;
}

/* A letter, or a byte of one beyond ASCII. */
static bool is_letter(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (unsigned char)character >= 0x80;
}

/* The shortest part of which the whole is a repetition, with or without one character between;
 * the whole where there is none. */
static struct iqm_slice repeated_part(struct iqm_slice text)
{
    for (size_t part = 1; part <= (text.len + 1) / 2; part++) {
        if (memcmp(text.ptr, text.ptr + part, text.len - part) != 0)
            continue;
        if (text.len % part == 0)
            return (struct iqm_slice){text.ptr, part};
        if ((text.len + 1) % part == 0)
            return (struct iqm_slice){text.ptr, part - 1};
    }
    return text;
}

struct search {
    bool (*is_known)(const void *cls, struct iqm_slice folded);
    const void *cls;
};

static bool is_known(const struct search *search, struct iqm_slice folded)
{
    return search->is_known(search->cls, folded) ||
           search->is_known(search->cls, repeated_part(folded));
}

/* Tries what lies from `start` to `end`, and with a few characters more at either side. */
static bool is_known_within(
    const struct search *search, struct iqm_slice folded, size_t start, size_t end)
{
    for (size_t before = 0; before <= KEPT_MAX && before <= start; before++) {
        for (size_t after = 0; after <= KEPT_MAX && end + after <= folded.len; after++) {
            struct iqm_slice part = {folded.ptr + start - before, end - start + before + after};
            if (is_known(search, part))
                return true;
        }
    }
    return false;
}

bool password_is_word(struct iqm_slice password,
    bool (*known)(const void *cls, struct iqm_slice folded), const void *cls)
{
    const struct search search = {known, cls};
    char text[IQM_PASSWORD_BYTES];
    size_t start = 0, end = password.len;

    if (password.len == 0 || password.len > sizeof text)
        return false;
    for (size_t i = 0; i < password.len; i++)
        text[i] = password_fold(password.ptr[i]);
    while (start < end && !is_letter(password.ptr[start]))
        start++;
    while (end > start && !is_letter(password.ptr[end - 1]))
        end--;
    struct iqm_slice folded = {text, password.len};
    bool found =
        is_known(&search, folded) || (start < end && is_known_within(&search, folded, start, end));
    sodium_memzero(text, sizeof text);
    return found;
}
