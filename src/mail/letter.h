/* From a mail in hand, sealed, to the bytes a mail server is given. Shared within this room. */
#ifndef IQM_MAIL_LETTER_H
#define IQM_MAIL_LETTER_H

#include "open.h"
#include "outbox.h"

struct letter {
    const char *address; /* in the arena */
    char *bytes;
    size_t length;
};

/* 0, and the letter is ended by letter_free. Negative, and `ret_report` says what is to be entered:
 * it cannot be written, or not now. */
int letter_write(const struct mail_settings *settings, struct mail_keys *keys,
    struct iqm_arena *arena, const struct mail *mail, struct letter *ret_letter,
    struct mail_report *ret_report);

/* Wipes and frees; for IQM_CLEANUP too. */
void letter_free(struct letter *letter);

#endif
