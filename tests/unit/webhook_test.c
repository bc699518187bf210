/* What webhooks are signed with, and where they may go. */
#include "iqm/webhook.h"
#include "suite.h"

#include <string.h>

#define ENDPOINT "019a0e3c-7f4e-7d1c-9d6e-3a4f5b6c7d8e"

static const uint8_t token_key[IQM_TOKEN_KEY_BYTES] = {1, 2, 3};

/* The example of Standard Webhooks. */
START_TEST(a_signature_is_the_published_one)
{
    static const char body[] = "{\"test\": 2432232314}";
    char signature[IQM_WEBHOOK_SIGNATURE_TEXT];

    ck_assert_int_eq(
        iqm_webhook_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330, (struct iqm_slice){body, strlen(body)}, signature),
        0);
    ck_assert_str_eq(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
END_TEST

START_TEST(what_is_no_secret_signs_nothing)
{
    static const char *const bad[] = {"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_",
        "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w"};
    char signature[IQM_WEBHOOK_SIGNATURE_TEXT];

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_int_eq(
            iqm_webhook_sign(bad[i], "msg", 1, (struct iqm_slice){"", 0}, signature), IQM_EINVAL);
}
END_TEST

START_TEST(a_secret_is_of_key_endpoint_and_generation)
{
    static const uint8_t other_key[IQM_TOKEN_KEY_BYTES] = {1, 2, 4};
    char first[IQM_WEBHOOK_SECRET_TEXT], again[IQM_WEBHOOK_SECRET_TEXT],
        other[IQM_WEBHOOK_SECRET_TEXT], signature[IQM_WEBHOOK_SIGNATURE_TEXT];

    iqm_webhook_secret(token_key, ENDPOINT, 1, first);
    iqm_webhook_secret(token_key, ENDPOINT, 1, again);
    ck_assert_str_eq(first, again);
    ck_assert_uint_eq(strlen(first), IQM_WEBHOOK_SECRET_TEXT - 1);
    iqm_webhook_secret(token_key, ENDPOINT, 2, other);
    ck_assert_str_ne(first, other);
    iqm_webhook_secret(token_key, "019a0e3c-7f4e-7d1c-9d6e-3a4f5b6c7d8f", 1, other);
    ck_assert_str_ne(first, other);
    iqm_webhook_secret(other_key, ENDPOINT, 1, other);
    ck_assert_str_ne(first, other);
    ck_assert_int_eq(iqm_webhook_sign(first, "msg", 1, (struct iqm_slice){"", 0}, signature), 0);
    ck_assert_uint_eq(strlen(signature), IQM_WEBHOOK_SIGNATURE_TEXT - 1);
}
END_TEST

static bool is_public(const char *text)
{
    struct iqm_address address;

    ck_assert_int_eq(iqm_address_parse((struct iqm_slice){text, strlen(text)}, &address), 0);
    return iqm_address_is_public(&address);
}

START_TEST(addresses_that_are_public)
{
    static const char *const good[] = {"8.8.8.8", "1.0.0.1", "9.255.255.255", "11.0.0.0",
        "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
        "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
        "2001:200::1", "2003::1", "::ffff:8.8.8.8", "3fff:1000::1"};

    for (size_t i = 0; i < IQM_LENGTH(good); i++)
        ck_assert_msg(is_public(good[i]), "%s", good[i]);
}
END_TEST

START_TEST(addresses_that_are_not)
{
    static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
        "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:8.8.8.8",
        "64:ff9b::808:808", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1",
        "2001:10::1", "2001:20::1", "2001:1ff::1", "2001:db8::1", "2002:a00:1::1",
        "2002:808:808::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1", "fd12::1",
        "fe80::1", "fec0::1", "ff02::1", "ff0e::1"};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_msg(!is_public(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(urls_without_fault)
{
    static const char *const good[] = {"https://hooks.example.org",
        "https://hooks.example.org/a?b=c", "HTTPS://hooks.example.org:443/", "https://8.8.8.8/",
        "https://[2606:4700::1111]:443/x", "https://hooks.example.org?a=b"};

    for (size_t i = 0; i < IQM_LENGTH(good); i++)
        ck_assert_msg(iqm_webhook_url_fault(good[i]) == NULL, "%s", good[i]);
}
END_TEST

START_TEST(urls_with_fault)
{
    static const char *const bad[] = {"http://hooks.example.org/", "https://hooks.example.org:80/",
        "https://hooks.example.org:4430/", "https://hooks.example.org/#a", "https://localhost/",
        "https://LOCALHOST/", "https://a.localhost/", "https://a.LOCAL/", "https://a.internal/",
        "https://hooks/", "https://127.0.0.1/", "https://127.1/", "https://1/",
        "https://0x7f000001/", "https://a.0x7f/", "https://017700000001/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/", "https://[1:2]/", "https://8.8.8.8.8/"};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_msg(iqm_webhook_url_fault(bad[i]) != NULL, "%s", bad[i]);
}
END_TEST

START_TEST(for_tests_anything_goes_but_a_fragment)
{
    iqm_webhook_allow_private(true);
    ck_assert_ptr_null(iqm_webhook_url_fault("http://127.0.0.1:8080/hook"));
    ck_assert_ptr_nonnull(iqm_webhook_url_fault("http://127.0.0.1:8080/hook#a"));
    iqm_webhook_allow_private(false);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_signature_is_the_published_one, what_is_no_secret_signs_nothing,
        a_secret_is_of_key_endpoint_and_generation, addresses_that_are_public,
        addresses_that_are_not, urls_without_fault, urls_with_fault,
        for_tests_anything_goes_but_a_fragment};

    return suite_run("webhook", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
