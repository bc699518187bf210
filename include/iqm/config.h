/* Configuration: read once from the environment, never changed afterwards. */
#ifndef IQM_CONFIG_H
#define IQM_CONFIG_H

#include "iqm/address.h"

#include <stdio.h>

#define IQM_KEY_BYTES 32
#define IQM_TOKEN_KEY_BYTES IQM_KEY_BYTES
#define IQM_FORMER_KEYS_MAX 15
#define IQM_METRICS_OFF (-1)
#define IQM_PUBLIC_URL_MAX 200
#define IQM_PASSWORD_THREADS_MAX 16

struct iqm_config {
    char *listen;
    int64_t port;
    int64_t metrics_port; /* IQM_METRICS_OFF: none */
    int64_t workers;
    char *database_url;
    char *owner_database_url;
    char *key_database_url;       /* where the keys of people are kept */
    char *owner_key_database_url; /* the same as its owner */
    char *database_role;
    int64_t write_connections; /* a worker */
    int64_t database_queue;    /* requests waiting for a connection, a worker */
    int64_t database_timeout;  /* ms a statement may take */
    char *token_key;           /* hexadecimal, as configured */
    uint8_t token_key_bytes[IQM_TOKEN_KEY_BYTES];
    char *signing_key;                        /* hexadecimal, as configured */
    uint8_t signing_key_bytes[IQM_KEY_BYTES]; /* seed of an Ed25519 key (RFC 8032, 5.1.5) */
    char *former_signing_keys;                /* public, separated by commas */
    uint8_t former_signing_key_bytes[IQM_FORMER_KEYS_MAX][IQM_KEY_BYTES];
    size_t former_signing_key_count;
    char *master_key;                               /* hexadecimal, as configured */
    uint8_t master_key_bytes[IQM_KEY_BYTES];        /* wraps the keys of people */
    char *former_master_key;                        /* "": none */
    uint8_t former_master_key_bytes[IQM_KEY_BYTES]; /* of before, while keys are wrapped anew */
    char *cors_origins;                             /* separated by commas */
    char *public_url;      /* absolute, no slash at the end; empty: what the server listens on */
    char *trusted_proxies; /* as configured */
    struct iqm_networks trusted; /* whose X-Forwarded-For is believed */
    char *spool_dir;
    char *smtp_url; /* empty: mail waits */
    char *smtp_user, *smtp_password;
    char *smtp_tls;         /* as configured */
    char *smtp_authorities; /* file; empty: the system's */
    int64_t smtp_timeout;   /* seconds for one mail */
    char *mail_from;
    int64_t webhook_timeout;   /* seconds an endpoint has to answer */
    char *webhook_authorities; /* file; empty: the system's */
    char *webhook_private;     /* yes: to any address; for tests */
    int64_t retention_every;   /* seconds between rounds of retention; 0: none */
    char *log;
    int64_t password_memory;   /* MiB that hashing a password takes */
    int64_t password_passes;   /* over that memory */
    int64_t password_threads;  /* that do it */
    char *password_list;       /* file of passwords to refuse; "": none */
    int64_t connections;       /* in all */
    int64_t connection_memory; /* bytes for request line and headers, a connection */
    int64_t target_max;        /* bytes of a request target */
    int64_t header_fields;     /* in a request */
    int64_t body_max;          /* bytes of a JSON body */
    int64_t file_limit;        /* bytes of an uploaded file */
    int64_t download_limit;    /* bytes of a file with the whole programme */
    int64_t json_depth;
    int64_t request_memory;   /* bytes a request may use in all */
    int64_t idle_timeout;     /* seconds a kept connection may be silent */
    int64_t request_timeout;  /* seconds from a request's first byte to its answer's last */
    int64_t snapshot_timeout; /* seconds in which what is read from one snapshot is read */
    int64_t stalled_writer;   /* seconds that a transaction which has written may be left alone */
    int64_t drain_timeout;    /* seconds for requests under way when stopping */
    int64_t listeners;        /* streams of events in all */
    int64_t listeners_caller; /* the same of one caller */
    int64_t listener_life;    /* seconds, about, after which a stream of events ends */
    int64_t heartbeat;        /* seconds a stream of events is silent at most */
    int64_t limit_address;    /* requests a minute, in this process; 0 is no limit */
    int64_t limit_token;
    int64_t limit_client;
    int64_t limit_sign_in; /* sign-ins and public forms, from one address */
};

/*
 * Reads every setting from IQM_X, or from the file named by IQM_X_FILE. 0, or IQM_EINVAL after
 * writing a sentence for each setting at fault to `errors`. Ended by iqm_config_free.
 */
int iqm_config_load(struct iqm_config *ret_config, FILE *errors);

/* Frees what the configuration owns and wipes the secrets. */
void iqm_config_free(struct iqm_config *config);

/* The table of settings with bounds and defaults, for --help. */
void iqm_config_help(FILE *out);

#endif
