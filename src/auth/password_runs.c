/* Passwords that fingers make on their own: aaaaaaaa, abababab, 87654321, qwerty12, 1qaz2wsx. */
#include "password_words.h"

#include <string.h>

/* Runs of this length on the average are no secret. */
#define RUN_MEAN 4

/* A pattern of this many bytes, repeated, neither. */
#define PATTERN_MAX 4

/* Each is walked in both directions; no character stands twice in one. Keyboards: British and
 * American, German, French; a calculator's columns. */
static const char *const rows[] = {"abcdefghijklmnopqrstuvwxyz", "0123456789",
    "1234567890-=", "!@#$%^&*()_+", "!\"#$%^&*()", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
    "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz", "2wsx", "3edc", "4rfv",
    "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/", "147258369", "159", "753", "789456123"};

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

/* How many characters from the first on follow each other in a row, going by `step`. */
static size_t along(const char *row, struct iqm_slice text, int step)
{
    const char *at = strchr(row, lower(text.ptr[0]));
    size_t count = 0;

    while (at != NULL && count < text.len && *at == lower(text.ptr[count])) {
        count++;
        if (step < 0 && at == row)
            break;
        at += step;
        if (*at == '\0')
            break;
    }
    return count;
}

static size_t run_length(struct iqm_slice text)
{
    size_t longest = 1;

    while (longest < text.len && text.ptr[longest] == text.ptr[0])
        longest++;
    for (size_t i = 0; i < IQM_LENGTH(rows); i++) {
        size_t up = along(rows[i], text, 1), down = along(rows[i], text, -1);
        size_t longer = up > down ? up : down;
        longest = longer > longest ? longer : longest;
    }
    return longest;
}

static bool is_pattern(struct iqm_slice text)
{
    for (size_t part = 1; part <= PATTERN_MAX && 2 * part <= text.len; part++) {
        if (memcmp(text.ptr, text.ptr + part, text.len - part) == 0)
            return true;
    }
    return false;
}

bool password_is_runs(struct iqm_slice password)
{
    struct iqm_slice rest = password;
    size_t runs = 0;

    /* The longest run first is the fewest runs: part of a run is always a run, too. */
    while (rest.len > 0) {
        size_t taken = run_length(rest);
        rest = (struct iqm_slice){rest.ptr + taken, rest.len - taken};
        runs++;
    }
    return runs * RUN_MEAN <= password.len || is_pattern(password);
}
