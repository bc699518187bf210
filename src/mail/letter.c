/* Opens what is sealed, at the last moment, and puts the words together. */
#include "letter.h"

#include "kinds.h"
#include "message.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What is sealed of a mail, opened. */
struct opened {
    json_t *name, *address, *body; /* NULL where there is none */
};

static void close_opened(struct opened *opened)
{
    json_decref(opened->name);
    json_decref(opened->address);
    json_decref(opened->body);
}

static int fail_as(enum mail_outcome outcome, const char *error, struct mail_report *ret_report)
{
    *ret_report = (struct mail_report){outcome, error, 0};
    return IQM_EINVAL;
}

static int fail_to_open(int error, struct mail_report *ret_report)
{
    if (error == IQM_ENOTFOUND)
        return fail_as(MAIL_FAILED, "key_gone", ret_report);
    if (error == IQM_EINVAL)
        return fail_as(MAIL_FAILED, "not_opened", ret_report);
    return fail_as(MAIL_AGAIN, error == IQM_ENOMEM ? "no_memory" : "keys_away", ret_report);
}

static int open_all(struct iqm_arena *arena, const struct iqm_person_key *key,
    const struct mail *mail, struct opened *ret_opened)
{
    const char *person = mail->person_id;
    int error = 0;

    if (mail->name != NULL)
        error = mail_open(arena, key, &(struct iqm_seal_place){person, "person", "name"},
            mail->name, &ret_opened->name);
    if (error == 0)
        error = mail_open(arena, key, &(struct iqm_seal_place){person, "person", "email"},
            mail->email, &ret_opened->address);
    if (error == 0)
        error = mail_open(arena, key, &(struct iqm_seal_place){person, "outbox", "body"},
            mail->body, &ret_opened->body);
    return error;
}

static int open_mail(struct mail_keys *keys, struct iqm_arena *arena, const struct mail *mail,
    struct opened *ret_opened, struct mail_report *ret_report)
{
    struct iqm_person_key key;

    if (mail->email == NULL)
        return fail_as(MAIL_FAILED, "no_address", ret_report);
    int error = mail_find_key(keys, mail->person_id, &key);
    if (error == 0)
        error = open_all(arena, &key, mail, ret_opened);
    sodium_memzero(&key, sizeof key);
    return error == 0 ? 0 : fail_to_open(error, ret_report);
}

static void free_text(char **text)
{
    if (*text != NULL)
        sodium_memzero(*text, strlen(*text));
    free(*text);
}

static int compose(const struct mail_settings *settings, const struct mail *mail,
    const struct mail_kind *kind, const struct opened *opened, struct letter *letter)
{
    IQM_CLEANUP(free_text) char *text = NULL;
    int error = mail_kind_fill(kind, opened->body, &text);
    const char *name = json_string_value(opened->name);
    struct mail_message message = {.id = mail->id,
        .at = time(NULL),
        .name = name != NULL && !kind->names_nobody ? name : "",
        .address = letter->address,
        .subject = kind->subject,
        .text = text};

    if (error != 0)
        return error;
    if (kind->has_withdrawal)
        message.unsubscribe = json_string_value(json_object_get(opened->body, "link"));
    return mail_write(settings, &message, &letter->bytes, &letter->length);
}

int letter_write(const struct mail_settings *settings, struct mail_keys *keys,
    struct iqm_arena *arena, const struct mail *mail, struct letter *ret_letter,
    struct mail_report *ret_report)
{
    const struct mail_kind *kind = mail_kind_find(mail->kind);
    IQM_CLEANUP(close_opened) struct opened opened = {0};
    struct letter letter = {0};

    if (kind == NULL)
        return fail_as(MAIL_FAILED, "unknown_kind", ret_report);
    if (open_mail(keys, arena, mail, &opened, ret_report) != 0)
        return IQM_EINVAL;
    const char *address = json_string_value(opened.address);
    if (address == NULL || !mail_is_address(address))
        return fail_as(MAIL_FAILED, "bad_address", ret_report);
    letter.address = iqm_arena_string(arena, address);
    int error =
        letter.address != NULL ? compose(settings, mail, kind, &opened, &letter) : IQM_ENOMEM;
    if (error == IQM_ENOMEM)
        return fail_as(MAIL_AGAIN, "no_memory", ret_report);
    if (error != 0)
        return fail_as(MAIL_FAILED, "bad_parameters", ret_report);
    *ret_letter = letter;
    return 0;
}

void letter_free(struct letter *letter)
{
    if (letter->bytes != NULL)
        sodium_memzero(letter->bytes, letter->length);
    free(letter->bytes);
    letter->bytes = NULL;
}
