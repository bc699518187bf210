/* What goes with a file: its name both ways, the part that is wanted, its digest. */
#include "programme/evidence/file_head.h"
#include "suite.h"

#include <string.h>

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, strlen(text)};
}

START_TEST(names_are_read_without_their_path)
{
    static const struct {
        const char *text, *name;
    } good[] = {{"attachment; filename=plan.txt", "plan.txt"},
        {"ATTACHMENT ;\tFileName = \"a \\\"b\\\".txt\"", "a \"b\".txt"},
        {"attachment; filename=\"e.txt\"; filename*=utf-8'en'caf%C3%A9.txt", "caf\u00e9.txt"},
        {"attachment; filename*=UTF-8''a%2Fb; filename=c", "b"},
        {"attachment; size=3; filename=a", "a"},
        {"attachment; filename=\"..\\\\..//etc/.passwd.\"", "passwd"},
        {"attachment; filename=\"C:\\\\plans\\\\my plan.pdf \"", "my plan.pdf"},
        {"attachment; filename*=UTF-8''a%0D%0A%C2%85b", "ab"},
        {"attachment; filename*=UTF-8''fdp.%E2%80%AEtxt", "fdp.txt"},
        {"attachment; filename*=UTF-8''%E2%80%8E..%2F%E2%81%A6.a", "a"}};
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 20);

    for (size_t i = 0; i < IQM_LENGTH(good); i++) {
        const char *name = NULL;
        ck_assert_int_eq(file_name_read(arena, slice(good[i].text), &name), 0);
        ck_assert_str_eq(name, good[i].name);
    }
}
END_TEST

START_TEST(what_gives_no_name_is_refused)
{
    static const struct {
        const char *text;
        int error;
    } bad[] = {{"", IQM_EINVAL}, {"inline; filename=a", IQM_EINVAL},
        {"attachments; filename=a", IQM_EINVAL}, {"attachment filename=a", IQM_EINVAL},
        {"attachment;", IQM_EINVAL}, {"attachment; filename", IQM_EINVAL},
        {"attachment; filename=", IQM_EINVAL}, {"attachment; filename=\"a", IQM_EINVAL},
        {"attachment; filename=\"a\\\"", IQM_EINVAL},
        {"attachment; filename=a; filename=b", IQM_EINVAL},
        {"attachment; filename=\"\xff\"", IQM_EINVAL},
        {"attachment; filename*=latin1''a", IQM_EINVAL},
        {"attachment; filename*=UTF-8'a", IQM_EINVAL},
        {"attachment; filename*=UTF-8''%zz", IQM_EINVAL},
        {"attachment; filename*=UTF-8''a%00b", IQM_EINVAL}, {"attachment", IQM_ENOTFOUND},
        {"attachment; filename=\" ... \"", IQM_ENOTFOUND},
        {"attachment; filename=\"plans/\"", IQM_ENOTFOUND}};
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 20);

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        const char *name = NULL;
        ck_assert_int_eq(file_name_read(arena, slice(bad[i].text), &name), bad[i].error);
        ck_assert_ptr_null(name);
    }
}
END_TEST

START_TEST(names_have_a_longest)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 20);
    char text[400];
    const char *name;

    for (int length = FILE_NAME_MAX; length <= FILE_NAME_MAX + 1; length++) {
        snprintf(text, sizeof text, "attachment; filename=%0*d", length, 1);
        ck_assert_int_eq(
            file_name_read(arena, slice(text), &name), length <= FILE_NAME_MAX ? 0 : IQM_ELIMIT);
    }
}
END_TEST

START_TEST(names_are_written_for_every_client)
{
    static const struct {
        const char *name, *text;
    } names[] = {{"my plan.txt", "attachment; filename=\"my plan.txt\""},
        {"caf\u00e9.txt", "attachment; filename=\"caf_.txt\"; filename*=UTF-8''caf%C3%A9.txt"},
        {"a\"b%41;c", "attachment; filename=\"a_b_41;c\"; filename*=UTF-8''a%22b%2541%3Bc"}};
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(1 << 20);

    for (size_t i = 0; i < IQM_LENGTH(names); i++)
        ck_assert_str_eq(file_name_write(arena, names[i].name), names[i].text);
}
END_TEST

START_TEST(ranges_lie_within)
{
    static const struct {
        const char *text;
        enum range_kind kind;
        uint64_t first, last;
    } ranges[] = {{"bytes=0-0", RANGE_PART, 0, 0}, {"BYTES= 3- ", RANGE_PART, 3, 9},
        {"bytes=3-99", RANGE_PART, 3, 9}, {"bytes=-4", RANGE_PART, 6, 9},
        {"bytes=-99", RANGE_PART, 0, 9}, {"bytes=1-99999999999999999999999", RANGE_PART, 1, 9},
        {"bytes=10-", RANGE_UNSATISFIABLE, 0, 0}, {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551616-", RANGE_UNSATISFIABLE, 0, 0}, {"", RANGE_NONE, 0, 0},
        {"bytes=", RANGE_NONE, 0, 0}, {"bytes=-", RANGE_NONE, 0, 0},
        {"bytes=5-4", RANGE_NONE, 0, 0}, {"bytes=0-1,3-4", RANGE_NONE, 0, 0},
        {"bytes=+1-2", RANGE_NONE, 0, 0}, {"lines=1-2", RANGE_NONE, 0, 0}};

    for (size_t i = 0; i < IQM_LENGTH(ranges); i++) {
        uint64_t first = 0;
        uint64_t last = 0;
        ck_assert_int_eq(range_read(slice(ranges[i].text), 10, &first, &last), ranges[i].kind);
        ck_assert_uint_eq(first, ranges[i].first);
        ck_assert_uint_eq(last, ranges[i].last);
    }
}
END_TEST

START_TEST(digests_are_read_from_lists)
{
    static const char zeros[] = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
    static const uint8_t nothing[SHA256_BYTES];
    uint8_t found[SHA256_BYTES];
    char list[200];

    snprintf(list, sizeof list, "md5=:AAAA:, %s ,sha-512=:AAAA:", zeros);
    memset(found, 7, sizeof found);
    ck_assert_int_eq(digest_read(slice(list), found), 0);
    ck_assert_mem_eq(found, nothing, sizeof found);
    ck_assert_int_eq(digest_read(slice("md5=:AAAA:"), found), IQM_ENOTFOUND);
    ck_assert_int_eq(digest_read(slice(""), found), IQM_ENOTFOUND);
    ck_assert_int_eq(digest_read(slice("sha-256=:AAAA:"), found), IQM_EINVAL);
    ck_assert_int_eq(digest_read(slice("sha-256=:"), found), IQM_EINVAL);
    ck_assert_int_eq(digest_read(slice("sha-256="), found), IQM_EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {names_are_read_without_their_path, what_gives_no_name_is_refused,
        names_have_a_longest, names_are_written_for_every_client, ranges_lie_within,
        digests_are_read_from_lists};

    return suite_run("file_head", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
