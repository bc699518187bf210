/* Passwords: what is refused, how they are kept, and the threads that do the work. */
#include "iqm/password.h"
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Too cheap to be of use, and fast. */
static const struct iqm_password_cost tiny = {.passes = 1, .memory = 65536};
static const struct iqm_password_cost other = {.passes = 2, .memory = 65536};

static char no_list[] = "";
static const struct iqm_config one_thread = {
    .password_memory = 1, .password_passes = 1, .password_threads = 1, .password_list = no_list};

static struct iqm_slice slice(const char *text)
{
    return (struct iqm_slice){text, strlen(text)};
}

static const char *flaw(const char *password)
{
    return iqm_password_flaw(NULL, slice(password), "jane.doe@riverside.sch.uk");
}

START_TEST(good_passwords_pass)
{
    static const char *const good[] = {"correct horse battery staple",
        "welcome to our little school", "passwords are a nuisance", "kq7-Wm2x", "zarniwoop",
        "1 school 2 schools", "Grüße aus Köln", "日本語のパスワード", "  two spaces  ",
        "doe-a-deer-jane", "riverside path at dawn", "83710294", "inclusionandtea",
        "qwerty is a keyboard"};

    for (size_t i = 0; i < IQM_LENGTH(good); i++)
        ck_assert_msg(flaw(good[i]) == NULL, "%s: %s", good[i], flaw(good[i]));
}
END_TEST

START_TEST(common_passwords_are_refused)
{
    static const char *const bad[] = {"password", "PassWord", "Passw0rd", "p@$$w0rd!",
        "pa55word123", "!!Password!!", "2024password", "welcome1", "Welcome2024!", "we1come1",
        "schoo1s1", "School2025", "5ummer2024", "ambassador", "Ambassador#1", "inclusion",
        "Inc1usion!", "iqm12345678", "iqm-2026-07", "iloveyou", "letme!n99", "footba11",
        "passwordpassword", "password password", "monkeymonkey1", "abc123abc123", "trustno1",
        "1q2w3e4r"};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        const char *sentence = flaw(bad[i]);
        ck_assert_msg(sentence != NULL, "%s may be a password", bad[i]);
        ck_assert_msg(strstr(sentence, "tried first") != NULL, "%s: %s", bad[i], sentence);
    }
}
END_TEST

START_TEST(runs_are_refused)
{
    static const char *const bad[] = {"aaaaaaaa", "abababab", "xyzxyzxyz", "12341234", "abcdefgh",
        "hgfedcba", "87654321", "1234567890", "0987654321", "qwertyui", "POIUYTRE", "asdfghjkl;",
        "abcd1234", "aaaabbbb", "1qaz2wsx", "zaq1xsw2", "!@#$%^&*", "12345678!", "qwertzuiop",
        "azertyuiop", "78945612"};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        const char *sentence = flaw(bad[i]);
        ck_assert_msg(sentence != NULL, "%s may be a password", bad[i]);
        ck_assert_msg(strstr(sentence, "row") != NULL, "%s: %s", bad[i], sentence);
    }
}
END_TEST

START_TEST(ones_own_address_is_refused)
{
    static const char *const bad[] = {"jane.doe@riverside.sch.uk", "JANE.DOE@RIVERSIDE.SCH.UK1",
        "jane.doe", "Jane.Doe2024!", "j4ne.d0e", "Jane Doe1", "jane_doe-26", "JaneDoe99!",
        "doe12345", "D0e.2026", "riverside", "R1verside99", "riverside.sch.uk"};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        const char *sentence = flaw(bad[i]);
        ck_assert_msg(sentence != NULL, "%s may be a password", bad[i]);
        ck_assert_msg(strstr(sentence, "e-mail address") != NULL, "%s: %s", bad[i], sentence);
    }
    ck_assert_ptr_null(iqm_password_flaw(NULL, slice("jane.doe"), NULL));
    ck_assert_ptr_null(iqm_password_flaw(NULL, slice("riverside"), "jane@hill.org"));
    /* "j" before the @ says nothing about what happens to hold one letter. */
    ck_assert_ptr_null(iqm_password_flaw(NULL, slice("8372j91826"), "j@hill.org"));
}
END_TEST

START_TEST(length_is_counted_in_code_points)
{
    char text[IQM_PASSWORD_BYTES + 8];

    ck_assert_ptr_nonnull(strstr(flaw("kq7-Wm2"), "at least 8"));
    ck_assert_ptr_nonnull(strstr(flaw("äöüßéèê"), "at least 8"));
    ck_assert_ptr_nonnull(strstr(flaw(""), "at least 8"));
    /* Four bytes each, none like the one before. */
    for (size_t i = 0; i < IQM_PASSWORD_CHARACTERS_MAX + 1; i++)
        memcpy(
            text + 4 * i, (char[]){'\xF0', '\x9F', (char)(0x98 + i % 7), (char)(0x80 + i % 64)}, 4);
    const size_t longest = 4 * IQM_PASSWORD_CHARACTERS_MAX;
    ck_assert_ptr_null(iqm_password_flaw(NULL, (struct iqm_slice){text, longest}, NULL));
    const char *sentence = iqm_password_flaw(NULL, (struct iqm_slice){text, longest + 4}, NULL);
    ck_assert_ptr_nonnull(strstr(sentence, "at most 256"));
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < IQM_PASSWORD_CHARACTERS_MAX + 1; i++)
        text[i] = (char)('a' + i * i % 23);
    sentence =
        iqm_password_flaw(NULL, (struct iqm_slice){text, IQM_PASSWORD_CHARACTERS_MAX + 1}, NULL);
    ck_assert_ptr_nonnull(strstr(sentence, "at most 256"));
}
END_TEST

START_TEST(what_is_not_text_is_refused)
{
    static const struct iqm_slice bad[] = {
        IQM_SLICE("kq7-\0Wm2x-9"), IQM_SLICE("kq7-\xFFWm2x"), IQM_SLICE("kq7-\xED\xA0\x80Wm2x")};

    for (size_t i = 0; i < IQM_LENGTH(bad); i++)
        ck_assert_ptr_nonnull(strstr(iqm_password_flaw(NULL, bad[i], NULL), "UTF-8"));
}
END_TEST

/* Writes a file of its own and returns its name. */
static const char *write_list(const char *bytes, size_t len)
{
    static char path[] = "/tmp/iqm-password-list-XXXXXX";
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    int file = mkstemp(path);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, len), (ssize_t)len);
    close(file);
    return path;
}

START_TEST(a_file_adds_passwords)
{
    static const char text[] = "Zarniwoop\r\nvogon poetry\n\nq\n\xFF\xFE\nbabelfish42";
    const char *path = write_list(text, sizeof text - 1);
    struct iqm_password_list *list = NULL;

    ck_assert_int_eq(iqm_password_list_open(path, &list), 0);
    unlink(path);
    ck_assert_ptr_nonnull(iqm_password_flaw(list, slice("zarniwoop"), NULL));
    ck_assert_ptr_nonnull(iqm_password_flaw(list, slice("Z4rniw00p!1"), NULL));
    ck_assert_ptr_nonnull(iqm_password_flaw(list, slice("Vogon Poetry"), NULL));
    ck_assert_ptr_nonnull(iqm_password_flaw(list, slice("babelfish42"), NULL));
    ck_assert_ptr_null(iqm_password_flaw(list, slice("babelfish"), NULL));
    ck_assert_ptr_null(iqm_password_flaw(list, slice("vogons recite"), NULL));
    ck_assert_ptr_null(iqm_password_flaw(list, slice("8371q0294"), NULL));
    iqm_password_list_free(list);
}
END_TEST

START_TEST(a_file_is_bounded_and_must_be_there)
{
    struct iqm_password_list *list = NULL;
    char *bytes = malloc(IQM_PASSWORD_LIST_BYTES + 1);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', IQM_PASSWORD_LIST_BYTES + 1);
    memcpy(bytes + IQM_PASSWORD_LIST_BYTES - 10, "\nzarniwoop", 10);
    const char *path = write_list(bytes, IQM_PASSWORD_LIST_BYTES + 1);
    ck_assert_int_eq(iqm_password_list_open(path, &list), IQM_ELIMIT);
    ck_assert_int_eq(truncate(path, IQM_PASSWORD_LIST_BYTES), 0);
    ck_assert_int_eq(iqm_password_list_open(path, &list), 0);
    ck_assert_ptr_nonnull(iqm_password_flaw(list, slice("zarniwoop"), NULL));
    iqm_password_list_free(list);
    unlink(path);
    free(bytes);
    ck_assert_int_eq(iqm_password_list_open(path, &list), IQM_EIO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(iqm_password_list_open("/tmp", &list), IQM_EIO);
}
END_TEST

START_TEST(a_hash_tells_its_password_only)
{
    char one[IQM_PASSWORD_STORED], again[IQM_PASSWORD_STORED];
    bool matches = false;

    ck_assert_int_eq(iqm_password_hash(&tiny, slice("kq7-Wm2x "), one), 0);
    ck_assert_int_eq(iqm_password_hash(&tiny, slice("kq7-Wm2x "), again), 0);
    ck_assert_str_ne(one, again);
    ck_assert_int_eq(strncmp(one, "$argon2id$v=19$m=64,t=1,p=1$", 28), 0);
    ck_assert_int_eq(iqm_password_verify(one, slice("kq7-Wm2x "), &matches), 0);
    ck_assert(matches);
    static const char *const wrong[] = {"kq7-Wm2x", "kq7-wm2x ", "kq7-Wm2x  ", ""};
    for (size_t i = 0; i < IQM_LENGTH(wrong); i++) {
        ck_assert_int_eq(iqm_password_verify(one, slice(wrong[i]), &matches), 0);
        ck_assert_msg(!matches, "%s", wrong[i]);
    }
}
END_TEST

START_TEST(what_is_no_hash_is_told_apart)
{
    static const char *const bad[] = {
        "", "x", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$", "$2y$10$"};
    bool matches = true;

    for (size_t i = 0; i < IQM_LENGTH(bad); i++) {
        ck_assert_int_eq(iqm_password_verify(bad[i], slice("kq7-Wm2x"), &matches), IQM_EINVAL);
        ck_assert(iqm_password_is_outdated(&tiny, bad[i]));
    }
}
END_TEST

START_TEST(a_stand_in_compares_as_a_hash_does)
{
    char first[IQM_PASSWORD_STORED], second[IQM_PASSWORD_STORED], hash[IQM_PASSWORD_STORED];
    bool matches = true;

    iqm_password_stand_in(&tiny, first);
    iqm_password_stand_in(&tiny, second);
    ck_assert_str_ne(first, second);
    ck_assert_int_eq(iqm_password_hash(&tiny, slice("anything"), hash), 0);
    ck_assert_uint_eq(strlen(first), strlen(hash));
    ck_assert(!iqm_password_is_outdated(&tiny, first));
    ck_assert(iqm_password_is_outdated(&other, first));
    ck_assert_int_eq(iqm_password_verify(first, slice("anything"), &matches), 0);
    ck_assert(!matches);
}
END_TEST

START_TEST(another_cost_makes_a_hash_outdated)
{
    char stored[IQM_PASSWORD_STORED];

    ck_assert_int_eq(iqm_password_hash(&tiny, slice("kq7-Wm2x"), stored), 0);
    ck_assert(!iqm_password_is_outdated(&tiny, stored));
    ck_assert(iqm_password_is_outdated(&other, stored));
    const struct iqm_password_cost wider = {.passes = 1, .memory = 131072};
    ck_assert(iqm_password_is_outdated(&wider, stored));
}
END_TEST

/* ---- the threads ---- */

/* What hashing has cost so far: passes times bytes. Counted on the way to libsodium. */
static _Atomic unsigned long long work;

static void (*real(const char *name))(void)
{
    void *found = dlsym(RTLD_NEXT, name);
    void (*function)(void);

    ck_assert_ptr_nonnull(found);
    memcpy(&function, &found, sizeof function);
    return function;
}

int crypto_pwhash_str_verify(
    const char stored[crypto_pwhash_STRBYTES], const char *password, unsigned long long len)
{
    typedef int verify(const char *, const char *, unsigned long long);
    unsigned long long memory, passes;

    if (sscanf(stored, "$argon2id$v=19$m=%llu,t=%llu,", &memory, &passes) == 2)
        work += memory * 1024 * passes;
    return ((verify *)real("crypto_pwhash_str_verify"))(stored, password, len);
}

int crypto_pwhash_str_alg(char ret_stored[crypto_pwhash_STRBYTES], const char *password,
    unsigned long long len, unsigned long long passes, size_t memory, int algorithm)
{
    typedef int hash(char *, const char *, unsigned long long, unsigned long long, size_t, int);

    work += memory / 1024 * 1024 * passes;
    return ((hash *)real("crypto_pwhash_str_alg"))(
        ret_stored, password, len, passes, memory, algorithm);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t finished;
static bool held;    /* jobs do not finish while this is so */
static int priority; /* of the thread that finished last; more is less */

static void note(struct iqm_password_job *job)
{
    pthread_mutex_lock(&mutex);
    while (held)
        pthread_cond_wait(&changed, &mutex);
    *(bool *)job->cls = true;
    priority = getpriority(PRIO_PROCESS, (id_t)gettid());
    finished++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void set_held(bool value)
{
    pthread_mutex_lock(&mutex);
    held = value;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for_finished(size_t count)
{
    pthread_mutex_lock(&mutex);
    while (finished < count)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void fill(struct iqm_password_job *job, const char *password, bool *is_done)
{
    memset(job, 0, sizeof *job);
    *is_done = false;
    ck_assert_int_eq(iqm_password_job_set(job, slice(password)), 0);
    job->finished = note;
    job->cls = is_done;
}

static struct iqm_passwords *start(const struct iqm_config *config)
{
    struct iqm_passwords *passwords = iqm_passwords_start(config);

    ck_assert_ptr_nonnull(passwords);
    set_held(false);
    finished = 0;
    return passwords;
}

/* Runs one job to its end and sees that the password is gone. */
static void run_one(struct iqm_passwords *passwords, struct iqm_password_job *job)
{
    static const char nothing[IQM_PASSWORD_BYTES + 1];

    size_t before = finished;
    ck_assert_int_eq(iqm_passwords_run(passwords, job), 0);
    wait_for_finished(before + 1);
    ck_assert_mem_eq(job->password, nothing, sizeof nothing);
    ck_assert_int_eq(job->error, 0);
}

START_TEST(a_job_makes_and_another_compares)
{
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_job make, compare;
    bool done;

    fill(&make, "kq7-Wm2x", &done);
    make.make = true;
    run_one(passwords, &make);
    fill(&compare, "kq7-Wm2x", &done);
    memcpy(compare.stored, make.fresh, sizeof compare.stored);
    run_one(passwords, &compare);
    ck_assert(compare.matches && !compare.rehashed);
    fill(&compare, "kq7-Wm2y", &done);
    memcpy(compare.stored, make.fresh, sizeof compare.stored);
    run_one(passwords, &compare);
    ck_assert(!compare.matches && !compare.rehashed);
    ck_assert_str_eq(compare.fresh, "");
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(nobodys_password_never_matches)
{
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_job job;
    bool done;

    fill(&job, "kq7-Wm2x", &done);
    run_one(passwords, &job);
    ck_assert(!job.matches && !job.rehashed);
    fill(&job, "", &done);
    run_one(passwords, &job);
    ck_assert(!job.matches && !job.rehashed);
    fill(&job, "kq7-Wm2x", &done);
    strcpy(job.stored, "what is no hash");
    run_one(passwords, &job);
    ck_assert(!job.matches && !job.rehashed);
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(a_hash_of_old_cost_is_made_anew_when_it_matches)
{
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_cost cost = iqm_password_cost(&one_thread);
    struct iqm_password_job job;
    char old[IQM_PASSWORD_STORED];
    bool done, matches = false;

    ck_assert_int_eq(iqm_password_hash(&tiny, slice("kq7-Wm2x"), old), 0);
    fill(&job, "kq7-Wm2y", &done);
    strcpy(job.stored, old);
    run_one(passwords, &job);
    ck_assert(!job.matches && !job.rehashed);
    fill(&job, "kq7-Wm2x", &done);
    strcpy(job.stored, old);
    run_one(passwords, &job);
    ck_assert(job.matches && job.rehashed);
    ck_assert(!iqm_password_is_outdated(&cost, job.fresh));
    ck_assert_int_eq(iqm_password_verify(job.fresh, slice("kq7-Wm2x"), &matches), 0);
    ck_assert(matches);
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(a_wrong_password_takes_the_same_work_whatever_its_hash)
{
    static const struct iqm_password_cost costs[] = {
        {1, 65536}, {2, 65536}, {3, 131072}, {1, 524288}, {1, 1047552}, {2, 524288}, {1, 1048576}};
    const unsigned long long full = 1048576; /* of one_thread, and so of nobody's */
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_job job;
    bool done;

    for (size_t i = 0; i <= IQM_LENGTH(costs); i++) {
        fill(&job, "kq7-Wm2y", &done);
        if (i < IQM_LENGTH(costs))
            ck_assert_int_eq(iqm_password_hash(&costs[i], slice("kq7-Wm2x"), job.stored), 0);
        work = 0;
        run_one(passwords, &job);
        ck_assert(!job.matches && !job.rehashed);
        ck_assert_str_eq(job.fresh, "");
        ck_assert_msg(work <= full && work + 8192 > full, "%zu: %llu", i, (unsigned long long)work);
    }
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(what_waits_can_be_dropped)
{
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_job jobs[10], late;
    bool done[IQM_LENGTH(jobs)], is_late_done;
    size_t dropped = 0;

    set_held(true);
    for (size_t i = 0; i < IQM_LENGTH(jobs); i++) {
        fill(&jobs[i], "kq7-Wm2x", &done[i]);
        jobs[i].make = true;
        ck_assert_int_eq(iqm_passwords_run(passwords, &jobs[i]), 0);
    }
    set_held(false);
    iqm_passwords_drop(passwords);
    wait_for_finished(IQM_LENGTH(jobs));
    for (size_t i = 0; i < IQM_LENGTH(jobs); i++) {
        ck_assert(done[i] && jobs[i].password[0] == '\0');
        ck_assert(jobs[i].error == (jobs[i].fresh[0] == '\0' ? IQM_ELIMIT : 0));
        dropped += jobs[i].error != 0;
    }
    /* At most one was under way, and one more began before they were dropped. */
    ck_assert_uint_ge(dropped, IQM_LENGTH(jobs) - 2);
    fill(&late, "kq7-Wm2x", &is_late_done);
    ck_assert_int_eq(iqm_passwords_run(passwords, &late), IQM_ELIMIT);
    ck_assert_int_eq(late.password[0], '\0');
    iqm_passwords_drop(passwords);
    iqm_passwords_stop(passwords);
    ck_assert(!is_late_done);
}
END_TEST

START_TEST(the_queue_is_bounded_and_worked_off_when_stopping)
{
    struct iqm_passwords *passwords = start(&one_thread);
    static struct iqm_password_job jobs[IQM_PASSWORD_QUEUE + 2];
    static bool done[IQM_PASSWORD_QUEUE + 2];
    size_t taken = 0;
    int error = 0;

    set_held(true);
    while (error == 0 && taken < IQM_LENGTH(jobs)) {
        fill(&jobs[taken], "kq7-Wm2x", &done[taken]);
        error = iqm_passwords_run(passwords, &jobs[taken]);
        taken += error == 0;
    }
    ck_assert_int_eq(error, IQM_ELIMIT);
    ck_assert_int_eq(jobs[taken].password[0], '\0');
    /* All that wait, and the one under way where it had been taken from the queue by then. */
    ck_assert_uint_ge(taken, IQM_PASSWORD_QUEUE);
    set_held(false);
    iqm_passwords_stop(passwords);
    for (size_t i = 0; i < taken; i++)
        ck_assert(done[i] && !jobs[i].matches);
    ck_assert_uint_eq(finished, taken);
}
END_TEST

START_TEST(several_threads_share_the_work)
{
    struct iqm_config config = one_thread;
    config.password_threads = 4;
    struct iqm_passwords *passwords = start(&config);
    struct iqm_password_job jobs[32];
    bool done[IQM_LENGTH(jobs)];
    char stored[IQM_PASSWORD_STORED];

    struct iqm_password_cost cost = iqm_password_cost(&config);
    ck_assert_int_eq(iqm_password_hash(&cost, slice("kq7-Wm2x"), stored), 0);
    for (size_t i = 0; i < IQM_LENGTH(jobs); i++) {
        fill(&jobs[i], i % 2 == 0 ? "kq7-Wm2x" : "kq7-Wm2y", &done[i]);
        strcpy(jobs[i].stored, stored);
        ck_assert_int_eq(iqm_passwords_run(passwords, &jobs[i]), 0);
    }
    wait_for_finished(IQM_LENGTH(jobs));
    for (size_t i = 0; i < IQM_LENGTH(jobs); i++)
        ck_assert(done[i] && jobs[i].matches == (i % 2 == 0));
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(the_threads_give_way_to_others)
{
    struct iqm_passwords *passwords = start(&one_thread);
    struct iqm_password_job job;
    bool done;

    fill(&job, "kq7-Wm2x", &done);
    run_one(passwords, &job);
    ck_assert_int_eq(priority, 19);
    iqm_passwords_stop(passwords);
}
END_TEST

START_TEST(a_list_that_cannot_be_read_stops_the_start)
{
    struct iqm_config config = one_thread;
    char missing[] = "/tmp/iqm-there-is-no-such-list";

    config.password_list = missing;
    ck_assert_ptr_null(iqm_passwords_start(&config));
}
END_TEST

START_TEST(a_job_takes_no_longer_password_than_there_is)
{
    struct iqm_password_job job = {.len = 0};
    char text[IQM_PASSWORD_BYTES + 1];

    memset(text, 'x', sizeof text);
    ck_assert_int_eq(iqm_password_job_set(&job, (struct iqm_slice){text, sizeof text}), IQM_ELIMIT);
    ck_assert_uint_eq(job.len, 0);
    ck_assert_int_eq(iqm_password_job_set(&job, (struct iqm_slice){text, IQM_PASSWORD_BYTES}), 0);
    ck_assert_uint_eq(job.len, IQM_PASSWORD_BYTES);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {good_passwords_pass, common_passwords_are_refused,
        runs_are_refused, ones_own_address_is_refused, length_is_counted_in_code_points,
        what_is_not_text_is_refused, a_file_adds_passwords, a_file_is_bounded_and_must_be_there,
        a_hash_tells_its_password_only, what_is_no_hash_is_told_apart,
        a_stand_in_compares_as_a_hash_does, another_cost_makes_a_hash_outdated,
        a_job_makes_and_another_compares, nobodys_password_never_matches,
        a_hash_of_old_cost_is_made_anew_when_it_matches,
        a_wrong_password_takes_the_same_work_whatever_its_hash, what_waits_can_be_dropped,
        the_queue_is_bounded_and_worked_off_when_stopping, several_threads_share_the_work,
        the_threads_give_way_to_others, a_list_that_cannot_be_read_stops_the_start,
        a_job_takes_no_longer_password_than_there_is};

    return suite_run("password", NULL, NULL, tests, sizeof tests / sizeof tests[0]);
}
