/* Fuzz target: any bytes as X-Forwarded-For and as a list of networks. Whoever comes out must be
 * the peer or stand in the text, in a form that reads back as itself. */
#include "iqm/address.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct iqm_address address(const char *text)
{
    struct iqm_address parsed;

    if (iqm_address_parse((struct iqm_slice){text, strlen(text)}, &parsed) != 0)
        abort();
    return parsed;
}

/* Whether a part of the list is this address. */
static bool is_told(const char *list, const struct iqm_address *wanted)
{
    for (const char *p = list;; p++) {
        size_t length = strcspn(p, ",");
        struct iqm_address part;
        if (iqm_address_parse((struct iqm_slice){p, length}, &part) == 0 &&
            memcmp(&part, wanted, sizeof part) == 0)
            return true;
        p += length;
        if (*p == '\0')
            return false;
    }
}

static void check_caller(const char *list, size_t size, const struct iqm_networks *trusted)
{
    const struct iqm_address peer = address("10.0.0.1");
    char text[IQM_ADDRESS_TEXT];
    struct iqm_address caller =
        iqm_address_of_caller(peer, (struct iqm_slice){list, size}, trusted);

    iqm_address_text(&caller, text);
    struct iqm_address again = address(text);
    if (memcmp(&again, &caller, sizeof again) != 0)
        abort();
    bool is_peer = memcmp(&caller, &peer, sizeof peer) == 0;
    if (!is_peer && (!iqm_networks_hold(trusted, &peer) || !is_told(list, &caller)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iqm_networks trusted = {0};
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_caller(text, strlen(text), &trusted);
    if (iqm_networks_parse("10.0.0.0/8, 2001:db8::/32", &trusted) != 0)
        abort();
    check_caller(text, strlen(text), &trusted);
    if (iqm_networks_parse(text, &trusted) == 0)
        check_caller(text, strlen(text), &trusted);
    free(text);
    return 0;
}
