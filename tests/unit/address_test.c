/* Addresses, networks, and whose address counts behind proxies. */
#include "iqm/address.h"
#include "suite.h"

#include <netinet/in.h>
#include <string.h>

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, text != NULL ? strlen(text) : 0};
}

static struct iqm_address parsed(const char *text)
{
    struct iqm_address address;

    ck_assert_msg(iqm_address_parse(slice(text), &address) == 0, "%s", text);
    return address;
}

static void check_text(const char *given, const char *wanted)
{
    struct iqm_address address = parsed(given);
    char text[IQM_ADDRESS_TEXT];

    iqm_address_text(&address, text);
    ck_assert_str_eq(text, wanted);
}

START_TEST(an_address_has_one_text)
{
    check_text("192.0.2.1", "192.0.2.1");
    check_text(" 192.0.2.1:8080\t", "192.0.2.1");
    check_text("::ffff:192.0.2.1", "192.0.2.1");
    check_text("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    check_text("[2001:db8::1]", "2001:db8::1");
    check_text("[2001:db8::1]:443", "2001:db8::1");
    check_text("::1", "::1");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    static const char *const bad[] = {"", " ", "unknown", "192.0.2", "192.0.2.256",
        "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:8o", "192.0.2.1/24", "[192.0.2.1]", "[::1",
        "[::1]x", "[]", "fe80::1%eth0", "2001:db8::1::2", "010.0.0.1.2",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
    struct iqm_address address;

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_msg(iqm_address_parse(slice(bad[i]), &address) == IQM_EINVAL, "%s", bad[i]);
    ck_assert_int_eq(iqm_address_parse((struct iqm_slice){"1.1.1.1\0", 8}, &address), IQM_EINVAL);
}
END_TEST

START_TEST(a_socket_has_an_address)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct iqm_address address = iqm_address_of_socket((struct sockaddr *)&ipv4);
    struct iqm_address wanted = parsed("192.0.2.1");

    ck_assert_mem_eq(&address, &wanted, sizeof address);
    address = iqm_address_of_socket((struct sockaddr *)&ipv6);
    wanted = parsed("::1");
    ck_assert_mem_eq(&address, &wanted, sizeof address);
    address = iqm_address_of_socket(&local);
    wanted = parsed("127.0.0.1");
    ck_assert_mem_eq(&address, &wanted, sizeof address);
}
END_TEST

START_TEST(a_subscriber_is_an_address_or_a_64)
{
    struct iqm_address a = parsed("2001:db8:1:2:3:4:5:6"), b = parsed("2001:db8:1:2::");
    struct iqm_address cut = iqm_address_subscriber(&a);

    ck_assert_mem_eq(&cut, &b, sizeof cut);
    a = parsed("192.0.2.1");
    cut = iqm_address_subscriber(&a);
    ck_assert_mem_eq(&cut, &a, sizeof cut);
}
END_TEST

static bool holds(const char *networks, const char *address)
{
    struct iqm_networks list;
    struct iqm_address wanted = parsed(address);

    ck_assert_msg(iqm_networks_parse(networks, &list) == 0, "%s", networks);
    return iqm_networks_hold(&list, &wanted);
}

START_TEST(networks_hold_what_starts_the_same)
{
    ck_assert(!holds("", "127.0.0.1"));
    ck_assert(holds("127.0.0.1", "127.0.0.1"));
    ck_assert(!holds("127.0.0.1", "127.0.0.2"));
    ck_assert(holds("10.0.0.0/8,192.168.4.0/22", "192.168.7.255"));
    ck_assert(!holds("10.0.0.0/8, 192.168.4.0/22", "192.168.8.0"));
    ck_assert(holds("0.0.0.0/0", "203.0.113.1"));
    ck_assert(!holds("0.0.0.0/0", "2001:db8::1"));
    ck_assert(holds("::/0", "2001:db8::1"));
    ck_assert(holds("2001:db8::/33", "2001:db8:7fff::"));
    ck_assert(!holds("2001:db8::/33", "2001:db8:8000::"));
}
END_TEST

START_TEST(broken_networks_are_refused)
{
    static const char *const bad[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x",
        "2001:db8::/129", "2001:db8::1/32", "proxy.example", "10.0.0.0/8,,127.0.0.1", ",",
        "10.0.0.0/0008", "127.0.0.1:80"};
    char many[IQM_NETWORKS_MAX * 8 + 16] = "";
    struct iqm_networks list;

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_msg(iqm_networks_parse(bad[i], &list) == IQM_EINVAL, "%s", bad[i]);
    for (int i = 0; i < IQM_NETWORKS_MAX; i++)
        strcat(many, "1.1.1.1,");
    ck_assert_int_eq(iqm_networks_parse(many, &list), 0);
    strcat(many, "1.1.1.1");
    ck_assert_int_eq(iqm_networks_parse(many, &list), IQM_ELIMIT);
}
END_TEST

static void check_caller(
    const char *peer, const char *forwarded, const char *networks, const char *wanted)
{
    struct iqm_networks trusted;
    char text[IQM_ADDRESS_TEXT];

    ck_assert_int_eq(iqm_networks_parse(networks, &trusted), 0);
    struct iqm_address caller = iqm_address_of_caller(parsed(peer), slice(forwarded), &trusted);
    iqm_address_text(&caller, text);
    ck_assert_str_eq(text, wanted);
}

START_TEST(only_our_own_proxies_tell_who_calls)
{
    static const char ours[] = "10.0.0.0/8, 2001:db8::/64";

    check_caller("198.51.100.1", "192.0.2.1", ours, "198.51.100.1");
    check_caller("10.0.0.1", NULL, ours, "10.0.0.1");
    check_caller("10.0.0.1", "192.0.2.1", "", "10.0.0.1");
    check_caller("10.0.0.1", "192.0.2.1", ours, "192.0.2.1");
    check_caller("10.0.0.1", "192.0.2.7, 192.0.2.1", ours, "192.0.2.1");
    check_caller("10.0.0.1", "192.0.2.7, 192.0.2.1, 10.0.0.2,2001:db8::2", ours, "192.0.2.1");
    check_caller("10.0.0.1", "10.0.0.3, 10.0.0.2", ours, "10.0.0.3");
    check_caller("::ffff:10.0.0.1", "2001:db8:1::9", ours, "2001:db8:1::9");
}
END_TEST

START_TEST(what_is_no_address_ends_the_list)
{
    static const char ours[] = "10.0.0.0/8";

    check_caller("10.0.0.1", "192.0.2.1, unknown", ours, "10.0.0.1");
    check_caller("10.0.0.1", "192.0.2.1, unknown, 10.0.0.2", ours, "10.0.0.2");
    check_caller("10.0.0.1", "192.0.2.1,", ours, "10.0.0.1");
    check_caller("10.0.0.1", ",", ours, "10.0.0.1");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {an_address_has_one_text, what_is_no_address_is_refused,
        a_socket_has_an_address, a_subscriber_is_an_address_or_a_64,
        networks_hold_what_starts_the_same, broken_networks_are_refused,
        only_our_own_proxies_tell_who_calls, what_is_no_address_ends_the_list};

    return suite_run("address", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
