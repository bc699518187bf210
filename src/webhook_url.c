/*
 * Where webhooks may go, as far as the address itself tells. Whoever looks a name up sees more:
 * what is decided here is only said early (src/webhooks/transfer.c decides, when it connects).
 */
#include "iqm/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_TEXT 256

static bool allows_private;

void iqm_webhook_allow_private(bool allowed)
{
    allows_private = allowed;
}

/* Host without brackets, and what follows it. */
static const char *split(const char *authority, char ret_host[static HOST_TEXT])
{
    bool is_bracketed = *authority == '[';
    const char *start = authority + is_bracketed;
    size_t length = strcspn(start, is_bracketed ? "]" : ":/?#");

    snprintf(ret_host, HOST_TEXT, "%.*s", (int)length, start);
    return start + length + is_bracketed;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcasecmp(text + length - tail, end) == 0;
}

/* By the last label, as browsers do it (WHATWG URL, "ends in a number"): what begins with a digit
 * there is an address in one form or another, and only the usual one is taken. */
static bool is_number(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot != NULL ? dot + 1 : host;

    return strchr(host, ':') != NULL || (*label >= '0' && *label <= '9');
}

static const char *fault_of_host(const char *host)
{
    struct iqm_address address;

    if (is_number(host)) {
        bool is_address = iqm_address_parse((struct iqm_slice){host, strlen(host)}, &address) == 0;
        return is_address && iqm_address_is_public(&address)
                   ? NULL
                   : "must name a public address: this one is private, reserved or of another form";
    }
    if (strchr(host, '.') == NULL || ends_with(host, ".localhost") || ends_with(host, ".local") ||
        ends_with(host, ".internal"))
        return "must name a public host, such as hooks.example.org";
    return NULL;
}

const char *iqm_webhook_url_fault(const char *url)
{
    bool is_https = strncasecmp(url, "https://", 8) == 0;
    char host[HOST_TEXT];

    const char *rest = split(url + (is_https ? 8 : 7), host);
    if (strchr(rest, '#') != NULL)
        return "must not have a fragment, which is never sent";
    if (allows_private)
        return NULL;
    if (!is_https)
        return "must be https";
    if (*rest == ':' && strtol(rest + 1, NULL, 10) != 443)
        return "must be on port 443";
    return fault_of_host(host);
}
