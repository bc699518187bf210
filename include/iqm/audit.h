/*
 * The audit log's chain: each record is sealed by a hash over it and the seal before, and now and
 * then the newest hash is signed (Ed25519, RFC 8032). Who changes, removes or reorders records
 * would have to forge what stands in every later checkpoint, also in those kept outside the
 * database.
 *
 * Records of ledgers hold a digest of what was written there: so the tables of these are held
 * against the log, row by row and both ways.
 *
 * Proved is that up to the newest checkpoint kept outside, the records the database shows are those
 * that were sealed, in their order, and that no other stands among them. Not proved: what came
 * after it (who owns the tables can make that part anew, and have a running server sign it), that
 * something was recorded at all, and anything against who has the signing key.
 */
#ifndef IQM_AUDIT_H
#define IQM_AUDIT_H

#include "iqm/config.h"
#include "iqm/ids.h"

#include <libpq-fe.h>
#include <stdio.h>

#define IQM_AUDIT_HASH 32
#define IQM_AUDIT_KEY 32
#define IQM_AUDIT_SIGNATURE 64
#define IQM_AUDIT_ID 16
#define IQM_CHECKPOINT_TEXT 512

/* The signature is over "iqm-audit-checkpoint-1\n", number, "\n", hash in hexadecimal, "\n", at. */
struct iqm_checkpoint {
    int64_t number; /* of the seal whose hash this is; the first has 1 */
    char at[IQM_TIME_TEXT];
    uint8_t hash[IQM_AUDIT_HASH];
    uint8_t public_key[IQM_AUDIT_KEY];
    uint8_t signature[IQM_AUDIT_SIGNATURE];
};

/* Takes the chain one record further: hash becomes SHA-256 of hash, id and document. */
void iqm_audit_link(uint8_t hash[static IQM_AUDIT_HASH], const uint8_t id[static IQM_AUDIT_ID],
    struct iqm_slice doc);

/* The public key of a seed. */
void iqm_audit_public_key(
    const uint8_t seed[static IQM_AUDIT_KEY], uint8_t ret_key[static IQM_AUDIT_KEY]);

/* Signs number, at and hash: sets public_key and signature. */
void iqm_checkpoint_sign(
    struct iqm_checkpoint *checkpoint, const uint8_t seed[static IQM_AUDIT_KEY]);

/* Whether the signature is good, by the checkpoint's own key: whose key that is, the caller asks.
 */
bool iqm_checkpoint_is_signed(const struct iqm_checkpoint *checkpoint);

/* A checkpoint as one line of JSON, without a line end. */
void iqm_checkpoint_write(
    const struct iqm_checkpoint *checkpoint, char ret_text[static IQM_CHECKPOINT_TEXT]);

/* Reads such a line, or a line of the log that holds the same members. IQM_ENOTFOUND where there is
 * no signature in it, IQM_EINVAL where there is, but no whole checkpoint. */
int iqm_checkpoint_read(struct iqm_slice line, struct iqm_checkpoint *ret_checkpoint);

/* Whom and what the verification may trust. */
struct iqm_audit_trust {
    const uint8_t (*keys)[IQM_AUDIT_KEY]; /* public keys whose checkpoints are ours */
    size_t key_count;
    const struct iqm_checkpoint *kept; /* kept outside the database */
    size_t kept_count;
};

/*
 * Reads the whole chain and the ledgers as the owner, in bounded memory, and says every fault in a
 * line on `errors`; one line on `out` where there is none. 0; IQM_EINVAL when a fault was found;
 * IQM_EPG. Blocking, for commands.
 */
int iqm_audit_verify(
    PGconn *connection, const struct iqm_audit_trust *trust, FILE *out, FILE *errors);

/* The newest checkpoint. 0, IQM_ENOTFOUND, IQM_EINVAL where it is not of the form it should be, or
 * IQM_EPG. Blocking, for commands. */
int iqm_audit_newest(PGconn *connection, struct iqm_checkpoint *ret_checkpoint);

struct iqm_auditor;

/* Starts the thread that seals new records each second and signs checkpoints; any number of
 * instances may have one. NULL when it cannot start. The configuration is borrowed until
 * iqm_auditor_stop. The thread takes no signals. */
struct iqm_auditor *iqm_auditor_start(const struct iqm_config *config);

/* Seals and signs what is there, where the database answers, and frees: seconds at most. Accepts
 * NULL. */
void iqm_auditor_stop(struct iqm_auditor *auditor);

#endif
