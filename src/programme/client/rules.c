/*
 * What a client may be sent back to and may ask for. Redirect URIs: RFC 6749, 3.1.2; RFC 8252, 7
 * (native apps); OAuth 2.1 draft, 2.3. They are compared exactly later, so nothing is normalised.
 */
#include "contract_tables.h"
#include "iqm/resource.h"

#include <stdio.h>
#include <string.h>

#define SCHEME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789+-."

/* Printable ASCII without what browsers rewrite or what could end a header or an attribute. */
static bool is_plain(const char *uri)
{
    for (const char *p = uri; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p) != NULL)
            return false;
    }
    return true;
}

/* The host of what follows "://" in a URI that is known to be one. */
static struct iqm_slice host_of(const char *authority)
{
    size_t length = *authority == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":/?");

    return (struct iqm_slice){authority, length};
}

static bool is_loopback(struct iqm_slice host)
{
    return iqm_slice_equal_string(host, "127.0.0.1") || iqm_slice_equal_string(host, "[::1]") ||
           iqm_slice_equal_string(host, "localhost");
}

static const char *fault_of(const char *uri)
{
    size_t scheme = strspn(uri, SCHEME_LETTERS);
    bool is_private = memchr(uri, '.', scheme) != NULL;

    if (!is_plain(uri))
        return "must be plain ASCII without spaces, quotes and fragment";
    if (uri[scheme] != ':' || scheme == 0)
        return "must be an absolute URI with a lower-case scheme";
    bool is_http = strncmp(uri, "http://", 7) == 0;
    if (!is_http && strncmp(uri, "https://", 8) != 0)
        return is_private ? NULL : "must be https, or an app's own scheme with a dot in its name";
    if (!iqm_format_matches(IQM_FORMAT_URI, uri, strlen(uri)))
        return "needs a host name or address, at most a port from 1 to 65535 behind it, and no user"
               " name";
    if (is_http)
        return is_loopback(host_of(uri + 7)) ? NULL : "may use http only on a loopback address";
    return NULL;
}

static int check_redirects(struct iqm_rules *rules)
{
    const json_t *uris = json_object_get(rules->document, "redirect_uris");
    bool is_public = strcmp(iqm_rules_text(rules->document, "kind"), "public") == 0;
    size_t i;
    const json_t *uri;
    int error = 0;

    if (is_public && json_array_size(uris) == 0)
        error = iqm_problem_at(
            rules->problem, "/redirect_uris", "needs at least one for a public client");
    json_array_foreach(uris, i, uri)
    {
        const char *fault = fault_of(json_string_value(uri));
        char pointer[40];
        if (fault == NULL)
            continue;
        snprintf(pointer, sizeof pointer, "/redirect_uris/%zu", i);
        error = iqm_problem_at(rules->problem, pointer, "%s", fault);
    }
    return error;
}

static bool is_scope(const char *name)
{
    for (size_t i = 0; i < iqm_contract.scope_count; i++) {
        if (strcmp(iqm_contract.scopes[i].name, name) == 0)
            return true;
    }
    return false;
}

static int check_scopes(struct iqm_rules *rules)
{
    size_t i;
    const json_t *scope;
    int error = 0;

    json_array_foreach(json_object_get(rules->document, "scopes"), i, scope)
    {
        char pointer[40];
        if (is_scope(json_string_value(scope)))
            continue;
        snprintf(pointer, sizeof pointer, "/scopes/%zu", i);
        error = iqm_problem_at(rules->problem, pointer, "is no scope of this service");
    }
    return error;
}

int iqm_rules_client(struct iqm_rules *rules)
{
    int redirects = check_redirects(rules);
    int scopes = check_scopes(rules);

    return redirects != 0 ? redirects : scopes;
}
