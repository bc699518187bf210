/* Internet addresses behind iqm/address.h. Everything from outside is bounded text, never a name to
 * look up. */
#include "iqm/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAPPED_BITS 96

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct iqm_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

static struct iqm_address map(const void *ipv4)
{
    struct iqm_address address;

    memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(address.bytes + sizeof mapped_prefix, ipv4, 4);
    return address;
}

static struct iqm_slice trim(struct iqm_slice text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* An address alone, in either family's own form. */
static int parse_bare(struct iqm_slice text, struct iqm_address *ret_address)
{
    char copy[IQM_ADDRESS_TEXT];
    struct in_addr ipv4;
    struct in6_addr ipv6;

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL)
        return IQM_EINVAL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &ipv4) == 1) {
        *ret_address = map(&ipv4);
        return 0;
    }
    if (inet_pton(AF_INET6, copy, &ipv6) != 1)
        return IQM_EINVAL;
    memcpy(ret_address->bytes, &ipv6, sizeof ret_address->bytes);
    return 0;
}

/* ":1" to ":65535"; nothing is a port too, of those that were left out. */
static bool is_port(struct iqm_slice text)
{
    unsigned port = 0;

    if (text.len == 0)
        return true;
    if (*text.ptr != ':' || text.len < 2 || text.len > 6)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= UINT16_MAX;
}

static struct iqm_slice after(struct iqm_slice text, size_t len)
{
    return (struct iqm_slice){text.ptr + len, text.len - len};
}

int iqm_address_parse(struct iqm_slice text, struct iqm_address *ret_address)
{
    text = trim(text);
    if (text.len == 0)
        return IQM_EINVAL;
    if (*text.ptr == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        size_t inner = end != NULL ? (size_t)(end - text.ptr) - 1 : 0;
        if (end == NULL || !is_port(after(text, inner + 2)) ||
            memchr(text.ptr + 1, ':', inner) == NULL)
            return IQM_EINVAL;
        return parse_bare((struct iqm_slice){text.ptr + 1, inner}, ret_address);
    }
    const char *colon = memchr(text.ptr, ':', text.len);
    if (colon == NULL || memchr(text.ptr, '.', (size_t)(colon - text.ptr)) == NULL)
        return parse_bare(text, ret_address);
    size_t host = (size_t)(colon - text.ptr);
    if (!is_port(after(text, host)))
        return IQM_EINVAL;
    return parse_bare((struct iqm_slice){text.ptr, host}, ret_address);
}

struct iqm_address iqm_address_of_socket(const struct sockaddr *socket)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct iqm_address address;

    if (socket != NULL && socket->sa_family == AF_INET)
        return map(&((const struct sockaddr_in *)(const void *)socket)->sin_addr);
    if (socket == NULL || socket->sa_family != AF_INET6)
        return map(loopback);
    memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr,
        sizeof address.bytes);
    return address;
}

void iqm_address_text(const struct iqm_address *address, char ret_text[static IQM_ADDRESS_TEXT])
{
    if (is_mapped(address))
        inet_ntop(AF_INET, address->bytes + sizeof mapped_prefix, ret_text, IQM_ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, address->bytes, ret_text, IQM_ADDRESS_TEXT);
}

struct iqm_address iqm_address_subscriber(const struct iqm_address *address)
{
    struct iqm_address cut = *address;

    if (!is_mapped(address))
        memset(cut.bytes + 8, 0, 8);
    return cut;
}

/* Whether the first `bits` of both are the same. */
static bool same_start(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

static bool ends_in_zeros(const struct iqm_network *network)
{
    struct iqm_address cut = {{0}};

    for (unsigned i = 0; i < network->bits; i++)
        cut.bytes[i / 8] |= (uint8_t)(network->address.bytes[i / 8] & (0x80 >> i % 8));
    return memcmp(&cut, &network->address, sizeof cut) == 0;
}

/* The digits behind the slash: at most three. */
static int parse_bits(struct iqm_slice text, unsigned *ret_bits)
{
    unsigned bits = 0;

    if (text.len == 0 || text.len > 3)
        return IQM_EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return IQM_EINVAL;
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret_bits = bits;
    return 0;
}

static int parse_network(struct iqm_slice text, struct iqm_network *ret_network)
{
    const char *slash = memchr(text.ptr, '/', text.len);
    size_t host = slash != NULL ? (size_t)(slash - text.ptr) : text.len;
    struct iqm_network network = {.bits = 128};

    if (parse_bare((struct iqm_slice){text.ptr, host}, &network.address) != 0)
        return IQM_EINVAL;
    if (slash != NULL) {
        if (parse_bits(after(text, host + 1), &network.bits) != 0)
            return IQM_EINVAL;
        /* A mapped address with its own count of bits was written in IPv4's form. */
        if (memchr(text.ptr, ':', host) == NULL)
            network.bits += MAPPED_BITS;
    }
    if (network.bits > 128 || !ends_in_zeros(&network))
        return IQM_EINVAL;
    *ret_network = network;
    return 0;
}

int iqm_networks_parse(const char *text, struct iqm_networks *ret_networks)
{
    struct iqm_networks networks = {0};

    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        struct iqm_slice part = trim((struct iqm_slice){text, length});
        if (networks.count == IQM_NETWORKS_MAX)
            return IQM_ELIMIT;
        if (parse_network(part, &networks.list[networks.count]) != 0)
            return IQM_EINVAL;
        networks.count++;
        text += length;
        text += *text == ',';
    }
    *ret_networks = networks;
    return 0;
}

bool iqm_networks_hold(const struct iqm_networks *networks, const struct iqm_address *address)
{
    for (size_t i = 0; i < networks->count; i++) {
        const struct iqm_network *network = &networks->list[i];
        if (same_start(network->address.bytes, address->bytes, network->bits))
            return true;
    }
    return false;
}

/* Cuts the last element off a list. */
static struct iqm_slice last_part(struct iqm_slice *rest)
{
    const char *comma = rest->len > 0 ? memrchr(rest->ptr, ',', rest->len) : NULL;
    size_t start = comma != NULL ? (size_t)(comma - rest->ptr) + 1 : 0;
    struct iqm_slice part = after(*rest, start);

    rest->len = comma != NULL ? start - 1 : 0;
    return part;
}

struct iqm_address iqm_address_of_caller(
    struct iqm_address peer, struct iqm_slice forwarded, const struct iqm_networks *trusted)
{
    struct iqm_address caller = peer;

    while (forwarded.len > 0 && iqm_networks_hold(trusted, &caller)) {
        if (iqm_address_parse(last_part(&forwarded), &caller) != 0)
            break;
    }
    return caller;
}
