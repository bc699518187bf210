/* The texts of mails, and what fills their gaps. Plain, friendly English; subjects say nothing
 * about a person, since they are read over shoulders. */
#include "kinds.h"

#include "iqm/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_TEXT 41
#define SIGNED "\nKind regards\nInclusion Quality Mark\n"
#define REFERENCE                                                                                  \
    "\nOur reference is {reference}. Please name it when you write to us about this.\n"

static const struct mail_kind kinds[] = {
    {"request_code", "Your code to confirm a request",
        "Hello,\n"
        "\n"
        "Somebody, we hope you, has made a request about personal data that we may hold, and gave "
        "this address. To confirm it, enter this code:\n"
        "\n"
        "    {code}\n"
        "\n"
        "It works once, for {minutes} minutes. If you did not make the request, you need not do "
        "anything: without the code nothing will happen.\n" SIGNED,
        false, true},
    {"request_received", "We have received your request",
        "Hello,\n"
        "\n"
        "Thank you for your request: {request}. We have received it and will answer by {due_on} at "
        "the latest.\n" REFERENCE SIGNED,
        false, false},
    {"request_paused", "We need something from you to answer your request",
        "Hello,\n"
        "\n"
        "We are working on your request: {request}. Before we can go on, we need to hear from "
        "you:\n"
        "\n"
        "{reason}\n"
        "\n"
        "The time we have to answer stands still until then.\n" REFERENCE SIGNED,
        false, false},
    {"request_extended", "Your request will take us longer",
        "Hello,\n"
        "\n"
        "We are working on your request: {request}. It will take us longer than we said, and we "
        "are sorry for that. The reason:\n"
        "\n"
        "{reason}\n"
        "\n"
        "We will answer by {due_on} at the latest. If you think we should not take longer, you may "
        "complain to the Information Commissioner's Office (https://ico.org.uk).\n" REFERENCE
            SIGNED,
        false, false},
    {"request_refused", "Our answer to your request",
        "Hello,\n"
        "\n"
        "You made a request to us: {request}. We cannot do what you ask, for this reason:\n"
        "\n"
        "{reason}\n"
        "\n"
        "If you disagree, please tell us. You may also complain to the Information Commissioner's "
        "Office (https://ico.org.uk), or go to court.\n" REFERENCE SIGNED,
        false, false},
    {"request_completed", "Your request has been carried out",
        "Hello,\n"
        "\n"
        "You made a request to us: {request}. It has been carried out.\n" REFERENCE SIGNED,
        false, false},
    {"consent_confirmation", "You have agreed to hear from us",
        "Hello,\n"
        "\n"
        "Thank you. You have agreed to this:\n"
        "\n"
        "{wording}\n"
        "\n"
        "You may change your mind at any time, without giving a reason. This link is all it "
        "takes:\n"
        "\n"
        "{link}\n" SIGNED,
        true, true},
    {"consent_withdrawn", "You will not hear from us any more",
        "Hello,\n"
        "\n"
        "You have withdrawn your consent, and we will not send you any more information of this "
        "kind. You need not do anything else.\n" SIGNED,
        false, false},
    {"enquiry_received", "We have received your enquiry",
        "Hello,\n"
        "\n"
        "Thank you for your enquiry. Somebody of our team will be in touch with you.\n" SIGNED,
        false, true},
    {"webhook_paused", "A webhook endpoint was paused",
        "Hello,\n"
        "\n"
        "You set up a webhook endpoint at our service. We have paused it: {reason}.\n"
        "\n"
        "What it should be told waits for up to 30 days. Once it works again, make it active; what "
        "became of each delivery can be read.\n" REFERENCE SIGNED,
        false, false},
};

const struct mail_kind *mail_kind_find(const char *name)
{
    for (size_t i = 0; i < IQM_LENGTH(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

static bool is_day(const char *name)
{
    size_t length = strlen(name);

    return length > 3 && strcmp(name + length - 3, "_on") == 0;
}

static int put_day(FILE *out, const char *date)
{
    static const char *const months[] = {"January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December"};

    if (!iqm_format_matches(IQM_FORMAT_DATE, date, strlen(date)))
        return IQM_EINVAL;
    fprintf(out, "%d %s %.4s", atoi(date + 8), months[atoi(date + 5) - 1], date);
    return 0;
}

static int put_value(FILE *out, const char *name, const json_t *value)
{
    if (json_is_integer(value)) {
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return 0;
    }
    if (!json_is_string(value))
        return IQM_EINVAL;
    if (is_day(name))
        return put_day(out, json_string_value(value));
    fputs(json_string_value(value), out);
    return 0;
}

static int put_filled(FILE *out, const char *text, const json_t *parameters)
{
    char name[NAME_TEXT];
    int error = 0;

    for (const char *gap = strchr(text, '{'); gap != NULL && error == 0; gap = strchr(text, '{')) {
        int length = (int)strcspn(gap + 1, "}");
        fprintf(out, "%.*s", (int)(gap - text), text);
        snprintf(name, sizeof name, "%.*s", length, gap + 1);
        error = put_value(out, name, json_object_get(parameters, name));
        text = gap + length + 2;
    }
    fputs(text, out);
    return error;
}

int mail_kind_fill(const struct mail_kind *kind, const json_t *parameters, char **ret_text)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (out == NULL)
        return IQM_ENOMEM;
    int error = put_filled(out, kind->text, parameters);
    if (ferror(out) != 0)
        error = IQM_ENOMEM;
    if (fclose(out) != 0)
        error = IQM_ENOMEM;
    if (error == 0)
        *ret_text = text;
    else
        free(text);
    return error;
}
