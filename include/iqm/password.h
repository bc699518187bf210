/*
 * Passwords of people: what may be one, how it is kept (Argon2id, RFC 9106, by libsodium), and the
 * threads that do this slow work. A password is the bytes that were typed: never trimmed, cut or
 * normalised. Sources: NIST SP 800-63B 5.1.1.2; OWASP Password Storage Cheat Sheet.
 */
#ifndef IQM_PASSWORD_H
#define IQM_PASSWORD_H

#include "iqm/call.h"
#include "iqm/config.h"

#define IQM_PASSWORD_CHARACTERS_MIN 8 /* code points */
#define IQM_PASSWORD_CHARACTERS_MAX 256
#define IQM_PASSWORD_BYTES 1024 /* of UTF-8: the longest that many code points can be */
#define IQM_PASSWORD_STORED                                                                        \
    128 /* with terminator: libsodium's text form, parameters and salt in it */
#define IQM_PASSWORD_QUEUE 64            /* jobs that may wait for a thread */
#define IQM_PASSWORD_LIST_BYTES 10000000 /* of a file of further passwords to refuse */

/* ---- what may be a password ---- */

/* Passwords to refuse beside those known to the program. */
struct iqm_password_list;

/*
 * Reads a file with one password a line; "" makes an empty list. Lines of fewer than four bytes are
 * passed over: they would refuse too much. New, ended by iqm_password_list_free. IQM_EIO: cannot be
 * read (errno says why); IQM_ELIMIT: longer than IQM_PASSWORD_LIST_BYTES; IQM_ENOMEM.
 */
int iqm_password_list_open(const char *path, struct iqm_password_list **ret_list);

/* Accepts NULL. */
void iqm_password_list_free(struct iqm_password_list *list);

/*
 * Why this must not become somebody's password: a sentence for people (static), or NULL when it
 * may. `list` and `sign_in_name` (an e-mail address) may be NULL. Only for new passwords: whether a
 * password that is in use fits today's rules is no reason to refuse a sign-in.
 */
const char *iqm_password_flaw(
    const struct iqm_password_list *list, struct iqm_slice password, const char *sign_in_name);

/* ---- how it is kept; these take as long as the cost says: not for a worker's loop ---- */

struct iqm_password_cost {
    unsigned long long passes;
    size_t memory; /* bytes */
};

struct iqm_password_cost iqm_password_cost(const struct iqm_config *config);

/* Hashes with a new salt. 0 or IQM_ENOMEM. */
int iqm_password_hash(const struct iqm_password_cost *cost, struct iqm_slice password,
    char ret_stored[static IQM_PASSWORD_STORED]);

/* What compares like somebody's hash of this cost and matches no password: the digest is drawn, so
 * that making it costs neither time nor memory. */
void iqm_password_stand_in(
    const struct iqm_password_cost *cost, char ret_stored[static IQM_PASSWORD_STORED]);

/* Whether the password is the one that was hashed. 0; IQM_EINVAL: `stored` is no such hash;
 * IQM_ENOMEM: cannot be told now, which says nothing about the password. */
int iqm_password_verify(const char *stored, struct iqm_slice password, bool *ret_matches);

/* Whether a hash was made at another cost than this one. Also true for what is no hash. */
bool iqm_password_is_outdated(const struct iqm_password_cost *cost, const char *stored);

/* What comparing with a hash lacks to the work of this cost; memory 0: nothing that could be done.
 */
struct iqm_password_cost iqm_password_lack(
    const struct iqm_password_cost *cost, const char *stored);

/* ---- the threads ---- */

struct iqm_passwords;

/*
 * One piece of work. Zeroed, filled and owned by the caller, who leaves it alone until it has
 * finished; the password is wiped then, and also when the job is refused.
 */
struct iqm_password_job {
    char password[IQM_PASSWORD_BYTES + 1]; /* by iqm_password_job_set */
    size_t len;
    char stored[IQM_PASSWORD_STORED]; /* hash to compare with. "": nobody's; never matches. What
                                         does not match takes as long as today's cost does */
    bool make;                        /* do not compare: hash the password into `fresh` */

    int error; /* 0; IQM_ENOMEM, or IQM_ELIMIT when it was dropped: nothing was compared or made */
    bool matches;                    /* it is the password of `stored` */
    bool rehashed;                   /* it matched, and `stored` had another cost: see `fresh` */
    char fresh[IQM_PASSWORD_STORED]; /* the new hash to keep, where one was made */

    void (*finished)(struct iqm_password_job *job); /* in the pool's thread, the last use there */
    void *cls;                                      /* for `finished` */
    struct iqm_password_job *next;                  /* the pool's own */
};

/*
 * Starts IQM_PASSWORD_THREADS threads of low priority, reads IQM_PASSWORD_LIST and makes the hash
 * that stands in for unknown people; NULL, after logging what, when it cannot. New, ended by
 * iqm_passwords_stop; one a process.
 */
struct iqm_passwords *iqm_passwords_start(const struct iqm_config *config);

/* Finishes every job that waits, then ends the threads and frees. Accepts NULL. */
void iqm_passwords_stop(struct iqm_passwords *passwords);

/* Finishes every job that waits with IQM_ELIMIT, in this thread, and takes no more; what is under
 * way ends in its own time. From any thread, also again. */
void iqm_passwords_drop(struct iqm_passwords *passwords);

/* What iqm_password_flaw wants; borrowed. */
const struct iqm_password_list *iqm_passwords_list(const struct iqm_passwords *passwords);

/* Copies a password into a job. IQM_ELIMIT: longer than any password is. */
int iqm_password_job_set(struct iqm_password_job *job, struct iqm_slice password);

/* Hands a job with `finished` set to the threads; from any thread. IQM_ELIMIT: too many wait. */
int iqm_passwords_run(struct iqm_passwords *passwords, struct iqm_password_job *job);

/*
 * As iqm_passwords_run on the services' threads, for a handler: `done` runs in the call's own
 * thread. The job is the call's arena's; `finished` and `cls` are set here. IQM_ELIMIT or
 * IQM_ENOMEM: `done` is not called; the answer is 503.
 */
int iqm_password_submit(
    struct iqm_call *call, struct iqm_password_job *job, void (*done)(struct iqm_call *call));

/* As iqm_passwords_drop, for the server when it has no more time. */
void iqm_passwords_give_up(void *services);

#endif
