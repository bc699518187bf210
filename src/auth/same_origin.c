/*
 * Whether a form was sent by a page of this server: what keeps other sites from sending forms in a
 * visitor's name. Sources: Fetch Standard, 3.2 (Origin); Fetch Metadata Request Headers, 2.4.
 */
#include "iqm/auth.h"

#include "iqm/http.h"

#include <string.h>
#include <strings.h>

/* Scheme, host and port of this server's address: what stands before a path. */
static struct iqm_slice own_origin(void)
{
    const char *url = iqm_server_url();
    const char *host = strstr(url, "://");
    size_t scheme = host != NULL ? (size_t)(host - url) + strlen("://") : 0;

    return (struct iqm_slice){url, scheme + strcspn(url + scheme, "/")};
}

static bool starts_with(struct iqm_slice text, struct iqm_slice start)
{
    return text.len >= start.len && strncasecmp(text.ptr, start.ptr, start.len) == 0;
}

/* Browsers send Origin `null` from a page that keeps its address to itself: that says nothing.
 * Whichever of the headers says something must say that it was us, and one must. */
bool iqm_auth_same_origin(const struct iqm_call *call)
{
    struct iqm_slice own = own_origin();
    bool has_origin = call->origin.ptr != NULL && !iqm_slice_equal_string(call->origin, "null");
    bool has_site = call->fetch_site.ptr != NULL;

    if (has_origin && (call->origin.len != own.len || !starts_with(call->origin, own)))
        return false;
    if (has_site && !iqm_slice_equal_string(call->fetch_site, "same-origin"))
        return false;
    if (has_origin || has_site)
        return true;
    return call->origin.ptr == NULL && call->referer.ptr != NULL &&
           starts_with(call->referer, own) && call->referer.len > own.len &&
           call->referer.ptr[own.len] == '/';
}
