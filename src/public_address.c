/* Which addresses are of the public Internet: the special-purpose registries of IANA (RFC 6890 and
 * its updates), as far as they say "not globally reachable", and what stands for IPv4 within IPv6.
 */
#include "iqm/address.h"

#include <string.h>

struct block {
    uint8_t start[16];
    uint8_t bits;
};

/* In IPv4's own form. */
static const struct block ipv4_blocks[] = {
    {{0}, 8},             /* this network (RFC 791) */
    {{10}, 8},            /* private (RFC 1918) */
    {{100, 64}, 10},      /* carriers' own (RFC 6598) */
    {{127}, 8},           /* loopback (RFC 1122) */
    {{169, 254}, 16},     /* link-local (RFC 3927): clouds tell secrets there */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocols (RFC 6890) */
    {{192, 0, 2}, 24},    /* documentation (RFC 5737) */
    {{192, 88, 99}, 24},  /* relays of 6to4 (RFC 7526) */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* measuring (RFC 2544) */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast (RFC 5771) */
    {{240}, 4},           /* reserved, and broadcast (RFC 1112) */
};

/* Of 2000::/3, outside of which nothing is public: not loopback, unique local, link-local,
 * multicast, IPv4-compatible addresses, and not what NAT64 makes of IPv4's (64:ff9b::/96). */
static const struct block ipv6_blocks[] = {
    {{0x20, 0x01}, 23},             /* protocols, Teredo among them (RFC 2928, RFC 4380) */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation (RFC 3849) */
    {{0x20, 0x02}, 16},             /* 6to4: an IPv4 address within (RFC 3056) */
    {{0x3f, 0xff}, 20},             /* documentation (RFC 9637) */
};

static bool is_in(const struct block *block, const uint8_t *bytes)
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;

    return memcmp(block->start, bytes, whole) == 0 &&
           (rest == 0 || ((block->start[whole] ^ bytes[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

static bool is_in_any(const struct block *blocks, size_t count, const uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(&blocks[i], bytes))
            return true;
    }
    return false;
}

bool iqm_address_is_public(const struct iqm_address *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (memcmp(address->bytes, mapped, sizeof mapped) == 0)
        return !is_in_any(ipv4_blocks, IQM_LENGTH(ipv4_blocks), address->bytes + sizeof mapped);
    return address->bytes[0] >> 5 == 1 &&
           !is_in_any(ipv6_blocks, IQM_LENGTH(ipv6_blocks), address->bytes);
}
