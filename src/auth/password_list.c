/* A file of passwords to refuse, read at start into one block of text and a sorted table. */
#include "password_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MIN 4 /* bytes */

struct iqm_password_list {
    char *text; /* folded; terminators in the place of line ends */
    struct iqm_slice *words;
    size_t count;
};

/* The whole file, new, or IQM_EIO, IQM_ELIMIT, IQM_ENOMEM. One byte more is asked for than may be
 * there, to see whether it ends. */
static int read_text(const char *path, char **ret_text, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(IQM_PASSWORD_LIST_BYTES + 1);
    int error = file == NULL ? IQM_EIO : text == NULL ? IQM_ENOMEM : 0;

    if (error == 0) {
        *ret_len = fread(text, 1, IQM_PASSWORD_LIST_BYTES + 1, file);
        if (ferror(file))
            error = IQM_EIO;
        else if (*ret_len > IQM_PASSWORD_LIST_BYTES)
            error = IQM_ELIMIT;
    }
    int reason = errno;
    if (file != NULL)
        fclose(file);
    errno = reason;
    if (error != 0) {
        free(text);
        return error;
    }
    *ret_text = text;
    return 0;
}

static int compare(const void *left, const void *right)
{
    const struct iqm_slice *a = left, *b = right;
    size_t common = a->len < b->len ? a->len : b->len;
    int order = common == 0 ? 0 : memcmp(a->ptr, b->ptr, common);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The next line from *at on, folded in place, without its end; *at goes behind it. */
static struct iqm_slice next_line(char *text, size_t len, size_t *at)
{
    char *line = text + *at;
    const char *end = memchr(line, '\n', len - *at);
    size_t size = end == NULL ? len - *at : (size_t)(end - line);

    *at += size + 1;
    if (size > 0 && line[size - 1] == '\r')
        size--;
    for (size_t i = 0; i < size; i++)
        line[i] = password_fold(line[i]);
    return (struct iqm_slice){line, size};
}

static int take_words(struct iqm_password_list *list, size_t len)
{
    /* No more than fit in, each with its line end. */
    list->words = calloc(len / (WORD_MIN + 1) + 1, sizeof *list->words);
    if (list->words == NULL)
        return IQM_ENOMEM;
    for (size_t at = 0; at < len;) {
        struct iqm_slice line = next_line(list->text, len, &at);
        if (line.len >= WORD_MIN)
            list->words[list->count++] = line;
    }
    qsort(list->words, list->count, sizeof *list->words, compare);
    return 0;
}

int iqm_password_list_open(const char *path, struct iqm_password_list **ret_list)
{
    struct iqm_password_list *list = calloc(1, sizeof *list);
    size_t len = 0;

    if (list == NULL)
        return IQM_ENOMEM;
    int error = *path == '\0' ? 0 : read_text(path, &list->text, &len);
    if (error == 0 && list->text != NULL)
        error = take_words(list, len);
    if (error != 0) {
        iqm_password_list_free(list);
        return error;
    }
    *ret_list = list;
    return 0;
}

void iqm_password_list_free(struct iqm_password_list *list)
{
    if (list == NULL)
        return;
    free(list->words);
    free(list->text);
    free(list);
}

bool password_is_listed(const struct iqm_password_list *list, struct iqm_slice folded)
{
    return list != NULL && list->count > 0 &&
           bsearch(&folded, list->words, list->count, sizeof *list->words, compare) != NULL;
}
