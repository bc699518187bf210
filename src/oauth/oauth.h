/* What the files of this room share: the authorization request, its page, the ways back to a
 * client, and who a client is. */
#ifndef IQM_OAUTH_OAUTH_H
#define IQM_OAUTH_OAUTH_H

#include "iqm/auth.h"
#include "iqm/call.h"
#include "iqm/password.h"
#include "iqm/pg.h"

#define CODE_PREFIX "iqc_"
#define REFRESH_PREFIX "iqr_"
#define ACCESS_SECONDS 3600 /* as in make_access_token() */

/* ---- fields.c: what was sent; empty is as good as not sent (RFC 6749, 3.1 and 3.2) ---- */

/* A field of the query, or of the form; NULL when it was not sent. Borrowed from the call. */
const char *query_text(const struct iqm_call *call, const char *name);
const char *form_text(const struct iqm_call *call, const char *name);

/* Whether a text has from `min` to `max` letters, all of them unreserved (RFC 7636, 4.1). */
bool is_unreserved(const char *text, size_t min, size_t max);

/* A text as a query holds it; NULL when memory is out. */
char *url_encode(struct iqm_arena *arena, const char *text);

/* Scopes separated by spaces as a PostgreSQL array; *ret_array stays NULL where none is named.
 * Where `allowed`, such an array itself, is given, each must stand there. IQM_EINVAL or IQM_ENOMEM.
 */
int scopes_read(
    const struct iqm_call *call, const char *text, const char *allowed, const char **ret_array);

/* Hashes a secret that was shown or made. */
void secret_hash(const struct iqm_call *call, const char *secret, uint8_t *ret_hash);

/* A hash as a value to bind. */
struct iqm_pg_value hash_value(const uint8_t *hash);

/* ---- redirects.c ---- */

/*
 * Where to send somebody back to: `sent` when it is registered, to the letter, except that a
 * loopback address may have any port (RFC 8252, 7.3); where none was sent, the only one that is
 * registered. NULL when there is no such address. `registered` is an array of strings.
 */
const char *redirect_find(const json_t *registered, const char *sent);

/* The source that lets a form of ours be redirected there, for form-action of CSP; NULL when memory
 * is out. */
const char *redirect_source(struct iqm_arena *arena, const char *redirect);

/* ---- authorization.c ---- */

struct sign_in;

/* A request to let a client act for a person (RFC 6749, 4.1.1); call->state of both operations. */
struct authorization {
    struct iqm_call *call;
    const char *client, *client_name;
    json_t *registered;        /* redirect URIs; owned */
    const char *allowed;       /* scopes of the client, as an array */
    const char *sent_redirect; /* NULL: it was not sent */
    const char *redirect;      /* where to go back to */
    const char *state;         /* NULL: it was not sent */
    const char *challenge;
    const char *scopes; /* that are asked for, as an array */
    void (*ready)(struct authorization *authorization);
    struct iqm_pg_batch batch; /* its first statement finds the client */
    struct iqm_pg_value values[2];
    struct sign_in *sign_in; /* sign_in.c; NULL where only the page is asked for */
};

/* Begins one, in the call's arena; NULL after failing the call. */
struct authorization *authorization_new(struct iqm_call *call);

/* Looks the client up and checks the request; then `ready`, or the call is answered. */
void authorization_look_up(
    struct authorization *authorization, void (*ready)(struct authorization *authorization));

/* Send the person back to the client: with an error, or with a code. */
void authorization_refuse(
    struct authorization *authorization, const char *error, const char *sentence);
void authorization_answer(struct authorization *authorization, const char *code);

/* ---- consent.c: the page that asks; `fault` NULL or a sentence, `email` what was typed ---- */

void consent_show(
    struct authorization *authorization, unsigned status, const char *fault, const char *email);

/* ---- form_token.c: ties a form to the request whose page it was on, for ten minutes ---- */

enum form_token { FORM_TOKEN_GOOD, FORM_TOKEN_EXPIRED, FORM_TOKEN_FOREIGN };

/* NULL when memory is out. */
const char *form_token_make(const struct iqm_call *call);
enum form_token form_token_check(const struct iqm_call *call, const char *token);

/* ---- client.c: which client calls (RFC 6749, 2.3) ---- */

struct client {
    const char *id; /* a uuid */
    bool has_secret;
    uint8_t secret[IQM_TOKEN_HASH]; /* hashed */
};

/* Reads who the client says it is. 0 or IQM_EPROBLEM; whether it is true, the database tells. */
int client_read(struct iqm_call *call, struct client *ret_client);

/* Id and secret as values to bind; borrows the client. */
void client_bind(const struct client *client, struct iqm_pg_value values[static 2]);

/*
 * Reads the outcome that a function of 0007_sign_in.sql gave in its first column. 0 when it is
 * "done"; else IQM_EPROBLEM with call->problem set.
 */
int client_outcome(struct iqm_call *call, const struct iqm_pg_batch *batch);

#endif
