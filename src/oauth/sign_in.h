/* Signing in, between its steps and its limits. */
#ifndef IQM_OAUTH_SIGN_IN_H
#define IQM_OAUTH_SIGN_IN_H

#include "iqm/limits.h"
#include "iqm/vault.h"
#include "oauth.h"

struct sign_in {
    const char *name;                      /* what was typed, in lower case */
    char index[IQM_BLIND_INDEX_TEXT];      /* by which the database knows it */
    const char *account;                   /* NULL: nobody has the name */
    bool may;                              /* the account is not suspended */
    bool is_trusted;                       /* the person has signed in from here before */
    char person[IQM_UUID_TEXT];            /* whose account it is */
    char subscriber[IQM_BLIND_INDEX_TEXT]; /* by which the database knows where this comes from */
    const char *address, *agent; /* from where, and what the browser says it is, sealed; or NULL */
    struct iqm_vault_fetch key;
    void (*sealed)(struct authorization *authorization);
    char *pair; /* name and place, as the limits know them */
    size_t pair_length;
    void (*noted)(struct authorization *authorization);
    struct iqm_password_job job;
    struct iqm_pg_value values[11];
    char code[IQM_TOKEN_TEXT];
    uint8_t hash[IQM_TOKEN_HASH];
};

/* sign_in_seal.c: the index of the subscriber that calls; the address and what the browser says it
 * is, sealed where there is a key, and then `sealed`. */
void sign_in_index_subscriber(struct iqm_call *call, struct sign_in *sign_in);
void sign_in_seal(
    struct authorization *authorization, void (*sealed)(struct authorization *authorization));

/* sign_in_limits.c: 0, or IQM_EPROBLEM (429) with call->problem set. The first counts every form
 * that an address sends; the second a try with a name, until it is forgiven. */
int sign_in_admit_address(struct iqm_call *call);
int sign_in_admit(struct iqm_call *call, struct sign_in *sign_in);
void sign_in_forgive(const struct sign_in *sign_in);

#endif
