/* Which pages may call: allow-lists of exact origins (Fetch standard, CORS protocol). */
#include "request.h"

#include "worker.h"

#include <string.h>

bool cors_allows(const char *origins, struct iqm_slice origin)
{
    const char *p = origins;

    while (origin.ptr != NULL && *p != '\0') {
        size_t length = strcspn(p, ",");
        if (length == origin.len && length > 0 && memcmp(p, origin.ptr, length) == 0)
            return true;
        p += length;
        while (*p == ',' || *p == ' ')
            p++;
    }
    return false;
}

/* True even while no program is registered: an answer kept by a cache may outlive that. */
bool cors_is_used(const struct request *request)
{
    const struct iqm_server_options *options = request->worker->options;

    return *options->config->cors_origins != '\0' || options->origins != NULL;
}

bool cors_is_open(const struct request *request)
{
    const struct iqm_operation *get =
        request->route != NULL ? request->route->operations[IQM_METHOD_GET] : NULL;

    return get != NULL && get->cache_seconds > 0;
}

bool cors_admits(const struct request *request)
{
    const struct iqm_server_options *options = request->worker->options;

    if (request->fields.origin.ptr == NULL)
        return false;
    if (cors_allows(options->config->cors_origins, request->fields.origin))
        return true;
    const char *registered = options->origins != NULL ? options->origins(options->services) : NULL;
    return registered != NULL && cors_allows(registered, request->fields.origin);
}
