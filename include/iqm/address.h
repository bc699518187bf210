/*
 * Internet addresses and networks: one form for both families, and whose address it is when a proxy
 * stands between. Pure.
 */
#ifndef IQM_ADDRESS_H
#define IQM_ADDRESS_H

#include "iqm/base.h"

#define IQM_ADDRESS_TEXT 46 /* the longest text of an address and the terminator */
#define IQM_NETWORKS_MAX 32

/* An IPv6 address; IPv4 stands there mapped, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct iqm_address {
    uint8_t bytes[16];
};

struct iqm_network {
    struct iqm_address address; /* zero after `bits` */
    unsigned bits;              /* of the mapped form: 96 more than in IPv4's own */
};

struct iqm_networks {
    size_t count;
    struct iqm_network list[IQM_NETWORKS_MAX];
};

struct sockaddr;

/* Parses "192.0.2.1", "2001:db8::1", either with a port ("192.0.2.1:80", "[2001:db8::1]:80").
 * 0 or IQM_EINVAL. */
int iqm_address_parse(struct iqm_slice text, struct iqm_address *ret_address);

/* The address of a socket; a socket that is not of the Internet counts as 127.0.0.1. */
struct iqm_address iqm_address_of_socket(const struct sockaddr *socket);

/* IPv4 dotted, IPv6 as RFC 5952 writes it. */
void iqm_address_text(const struct iqm_address *address, char ret_text[static IQM_ADDRESS_TEXT]);

/* What counts as one caller: an IPv4 address, or the /64 of an IPv6 one, which is the least that
 * one customer is given (RFC 6177). */
struct iqm_address iqm_address_subscriber(const struct iqm_address *address);

/* Whether it is of one machine of the public Internet: not loopback, private, link-local, shared,
 * multicast, reserved or for documentation, nor a form of IPv6 that stands for such an address of
 * IPv4 (RFC 6890 and its updates; IANA's special-purpose registries). */
bool iqm_address_is_public(const struct iqm_address *address);

/* Parses networks such as "10.0.0.0/8, 2001:db8::/32" separated by commas; an address alone is a
 * network of one. 0; IQM_EINVAL also for bits set behind the prefix; IQM_ELIMIT for too many. */
int iqm_networks_parse(const char *text, struct iqm_networks *ret_networks);

bool iqm_networks_hold(const struct iqm_networks *networks, const struct iqm_address *address);

/*
 * Who really calls: `peer`, unless it is trusted; then the right-most address of X-Forwarded-For
 * (`forwarded`, all fields joined by commas) that is not trusted itself. Reading ends at what is no
 * address: what stands left of it was not written by a proxy of ours.
 */
struct iqm_address iqm_address_of_caller(
    struct iqm_address peer, struct iqm_slice forwarded, const struct iqm_networks *trusted);

#endif
