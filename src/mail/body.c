/* What a mail is filled with, sealed for the outbox. */
#include "iqm/mailer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A key that is forgotten at once. */
static struct iqm_person_key nobodys_key(void)
{
    struct iqm_person_key key = {.known = true};

    randombytes_buf(key.bytes, sizeof key.bytes);
    return key;
}

char *iqm_mail_body(struct iqm_arena *arena, const struct iqm_person_key *key, const char *person,
    const json_t *parameters)
{
    struct iqm_person_key other = nobodys_key();
    struct iqm_seal_place place = {person != NULL ? person : "", "outbox", "body"};
    char *text = json_dumps(parameters, JSON_COMPACT);

    if (text == NULL)
        return NULL;
    struct iqm_slice clear = {text, strlen(text)};
    char *sealed = iqm_seal(arena, person != NULL ? key : &other, &place, clear);
    sodium_memzero(text, clear.len);
    free(text);
    return sealed;
}
