/* Records of CSV; knows nobody's data. */
#include "programme/mailing_list/csv.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096

void growing_add(struct growing *text, const char *bytes, size_t len)
{
    size_t room = text->room > 0 ? text->room : FIRST_ROOM;

    while (room - text->length < len)
        room *= 2;
    if (room > text->room) {
        char *grown = text->failed ? NULL : realloc(text->bytes, room);
        text->failed = grown == NULL;
        if (text->failed)
            return;
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, len);
    text->length += len;
}

static void add_string(struct growing *text, const char *string)
{
    growing_add(text, string, strlen(string));
}

static void add_quoted(struct growing *text, const char *field)
{
    add_string(text, "\"");
    for (const char *quote; (quote = strchr(field, '"')) != NULL; field = quote + 1) {
        growing_add(text, field, (size_t)(quote - field) + 1);
        add_string(text, "\"");
    }
    add_string(text, field);
    add_string(text, "\"");
}

static void add_field(struct growing *text, const char *field)
{
    char *safe = NULL;

    if (*field != '\0' && strchr("=+-@\t\r", *field) != NULL) {
        size_t length = strlen(field);
        safe = malloc(length + 2);
        text->failed = text->failed || safe == NULL;
        if (safe == NULL)
            return;
        safe[0] = '\'';
        memcpy(safe + 1, field, length + 1);
        field = safe;
    }
    if (strpbrk(field, "\",\r\n") != NULL)
        add_quoted(text, field);
    else
        add_string(text, field);
    free(safe);
}

void csv_add_record(struct growing *text, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            add_string(text, ",");
        add_field(text, fields[i]);
    }
    add_string(text, "\r\n");
}
