/* The chain and its checkpoints, against values made by other programs. */
#include "iqm/audit.h"
#include "suite.h"

#include <string.h>

/* RFC 8032, 7.1, test 1; hash and signature by Python's hashlib and cryptography. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC_KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define FIRST "e9192832353ee386da2c8c8a538be75d1e01df51b1def3c3c540d77d76fca8e9"
#define SECOND "a5bf25ee2f373d4125d8350a3d44690b2f71f02442e6bb369ed3227357951275"
#define AT "2026-01-02T03:04:05.678Z"
#define SIGNATURE                                                                                  \
    "f2060da6e0c58d638b87b27a22396dc2d25f4270afc6e8dd3cca451cbe515e31"                             \
    "9dd396dd4d82002c2f07d3ff2b25bac65ff735e4b5d17fb48d7a3cd579f7f70b"
#define LINE(extra)                                                                                \
    "{" extra "\"number\":7,\"at\":\"" AT "\",\"hash\":\"" FIRST "\",\"public_key\":\"" PUBLIC_KEY \
    "\",\"signature\":\"" SIGNATURE "\"}"

static void bytes_of(const char *hex, uint8_t *ret_bytes)
{
    size_t length;

    ck_assert_int_eq(
        sodium_hex2bin(ret_bytes, strlen(hex) / 2, hex, strlen(hex), NULL, &length, NULL), 0);
}

static void assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char text[200];

    ck_assert_str_eq(sodium_bin2hex(text, sizeof text, bytes, size), hex);
}

static struct iqm_checkpoint signed_checkpoint(void)
{
    struct iqm_checkpoint checkpoint = {.number = 7, .at = AT};
    uint8_t seed[IQM_AUDIT_KEY];

    bytes_of(SEED, seed);
    bytes_of(FIRST, checkpoint.hash);
    iqm_checkpoint_sign(&checkpoint, seed);
    return checkpoint;
}

static int read_line(const char *text, struct iqm_checkpoint *checkpoint)
{
    return iqm_checkpoint_read((struct iqm_slice){text, strlen(text)}, checkpoint);
}

START_TEST(links_follow_each_other)
{
    uint8_t hash[IQM_AUDIT_HASH] = {0}, id[IQM_AUDIT_ID];

    bytes_of("0190b6a27c1e7d3a9f001a2b3c4d5e6f", id);
    iqm_audit_link(hash, id, IQM_SLICE("{\"id\":1}"));
    assert_hex(hash, sizeof hash, FIRST);
    iqm_audit_link(hash, id, IQM_SLICE(""));
    assert_hex(hash, sizeof hash, SECOND);
}
END_TEST

START_TEST(a_checkpoint_is_signed_as_others_would)
{
    struct iqm_checkpoint checkpoint = signed_checkpoint();

    assert_hex(checkpoint.public_key, IQM_AUDIT_KEY, PUBLIC_KEY);
    assert_hex(checkpoint.signature, IQM_AUDIT_SIGNATURE, SIGNATURE);
    ck_assert(iqm_checkpoint_is_signed(&checkpoint));
}
END_TEST

START_TEST(any_change_breaks_the_signature)
{
    struct iqm_checkpoint changed = signed_checkpoint();

    changed.number++;
    ck_assert(!iqm_checkpoint_is_signed(&changed));
    changed = signed_checkpoint();
    changed.at[0] = '1';
    ck_assert(!iqm_checkpoint_is_signed(&changed));
    changed = signed_checkpoint();
    changed.hash[31] ^= 1;
    ck_assert(!iqm_checkpoint_is_signed(&changed));
    changed = signed_checkpoint();
    changed.public_key[0] ^= 1;
    ck_assert(!iqm_checkpoint_is_signed(&changed));
}
END_TEST

START_TEST(a_checkpoint_is_written_and_read)
{
    struct iqm_checkpoint checkpoint = signed_checkpoint(), again;
    char text[IQM_CHECKPOINT_TEXT];

    iqm_checkpoint_write(&checkpoint, text);
    ck_assert_str_eq(text, LINE(""));
    ck_assert_int_eq(read_line(text, &again), 0);
    ck_assert_int_eq(again.number, 7);
    ck_assert(iqm_checkpoint_is_signed(&again));
    ck_assert_int_eq(read_line(LINE("\"event\":\"audit_checkpoint\","), &again), 0);
    ck_assert(iqm_checkpoint_is_signed(&again));
}
END_TEST

START_TEST(other_lines_are_told_from_broken_ones)
{
    static const char *const others[] = {
        "", "\n", "[1]", "7", "no JSON", "{\"event\":\"request\"}"};
    static const char *const broken[] = {"{\"signature\":\"00\"}", "{\"signature\":7,\"number\":1}",
        "{\"number\":0,\"at\":\"" AT "\",\"hash\":\"" FIRST "\",\"public_key\":\"" PUBLIC_KEY
        "\",\"signature\":\"" SIGNATURE "\"}",
        "{\"number\":1,\"at\":\"" AT "\",\"hash\":\"" FIRST "x\",\"public_key\":\"" PUBLIC_KEY
        "\",\"signature\":\"" SIGNATURE "\"}",
        "{\"number\":1,\"at\":\"\",\"hash\":\"" FIRST "\",\"public_key\":\"" PUBLIC_KEY
        "\",\"signature\":\"" SIGNATURE "\"}"};
    struct iqm_checkpoint checkpoint;

    for (size_t i = 0; i < IQM_LENGTH(others); i++)
        ck_assert_int_eq(read_line(others[i], &checkpoint), IQM_ENOTFOUND);
    for (size_t i = 0; i < IQM_LENGTH(broken); i++)
        ck_assert_int_eq(read_line(broken[i], &checkpoint), IQM_EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {links_follow_each_other, a_checkpoint_is_signed_as_others_would,
        any_change_breaks_the_signature, a_checkpoint_is_written_and_read,
        other_lines_are_told_from_broken_ones};

    return suite_run("audit", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
