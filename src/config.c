/* Configuration: one table of settings, read by one loop. */
#include "iqm/config.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096
#define LIMIT_MAX 30000000 /* a minute */

enum kind { TEXT, SECRET, NUMBER };

struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *fallback; /* NULL: empty */
    int64_t minimum, maximum;
    const char *help;
};

#define AT(member) offsetof(struct iqm_config, member)

static const struct setting settings[] = {
    {"IQM_LISTEN", TEXT, AT(listen), "127.0.0.1", 0, 0, "address to listen on"},
    {"IQM_PORT", NUMBER, AT(port), "8080", 0, 65535, "port; 0 takes any free one"},
    {"IQM_METRICS_PORT", NUMBER, AT(metrics_port), "9180", -1, 65535,
        "port of /metrics on 127.0.0.1; 0 takes any free one, -1 none"},
    {"IQM_WORKERS", NUMBER, AT(workers), "0", 0, 256, "threads; 0 takes one a processor"},
    {"IQM_DATABASE_URL", SECRET, AT(database_url), NULL, 0, 0, "PostgreSQL to serve from"},
    {"IQM_OWNER_DATABASE_URL", SECRET, AT(owner_database_url), NULL, 0, 0,
        "the same database as its owner: migrate, check, token, user, client, audit, retention, "
        "erasure; IQM_DATABASE_URL where unset"},
    {"IQM_KEY_DATABASE_URL", SECRET, AT(key_database_url), NULL, 0, 0,
        "PostgreSQL that keeps the keys of people: another database, with other backups"},
    {"IQM_OWNER_KEY_DATABASE_URL", SECRET, AT(owner_key_database_url), NULL, 0, 0,
        "the same database as its owner: migrate, check, keys, erasure; "
        "IQM_KEY_DATABASE_URL where unset"},
    {"IQM_DATABASE_ROLE", TEXT, AT(database_role), "iqm_server", 0, 0,
        "role every session of the server takes"},
    {"IQM_WRITE_CONNECTIONS", NUMBER, AT(write_connections), "8", 1, 64,
        "connections for writing, a worker (one more reads)"},
    {"IQM_DATABASE_QUEUE", NUMBER, AT(database_queue), "2048", 1, 100000,
        "requests that may wait for the database, a worker"},
    {"IQM_DATABASE_TIMEOUT", NUMBER, AT(database_timeout), "5000", 100, 600000,
        "ms a statement, or the wait for a connection, may take"},
    {"IQM_TOKEN_KEY", SECRET, AT(token_key), NULL, 0, 0,
        "64 hexadecimal digits: the key under which tokens are hashed"},
    {"IQM_SIGNING_KEY", SECRET, AT(signing_key), NULL, 0, 0,
        "64 hexadecimal digits: the seed of the Ed25519 key that signs the audit log's "
        "checkpoints"},
    {"IQM_FORMER_SIGNING_KEYS", TEXT, AT(former_signing_keys), NULL, 0, 0,
        "public halves of signing keys of before, as iqmd audit public-key prints them, separated "
        "by "
        "commas: what they signed can still be verified"},
    {"IQM_MASTER_KEY", SECRET, AT(master_key), NULL, 0, 0,
        "64 hexadecimal digits: the key that wraps the keys of people"},
    {"IQM_FORMER_MASTER_KEY", SECRET, AT(former_master_key), NULL, 0, 0,
        "the master key of before, until iqmd keys rotate has run"},
    {"IQM_CORS_ORIGINS", TEXT, AT(cors_origins), NULL, 0, 0,
        "origins whose pages may call, separated by commas"},
    {"IQM_PUBLIC_URL", TEXT, AT(public_url), NULL, 0, 0,
        "where clients reach the server, as https://api.example.org; what it listens on where "
        "unset"},
    {"IQM_TRUSTED_PROXIES", TEXT, AT(trusted_proxies), NULL, 0, 0,
        "networks (10.0.0.0/8, …) whose X-Forwarded-For tells the caller; else its sender is"},
    {"IQM_SPOOL_DIR", TEXT, AT(spool_dir), "var/spool", 0, 0,
        "directory where uploads wait to be imported"},
    {"IQM_PASSWORD_MEMORY", NUMBER, AT(password_memory), "64", 8, 1024,
        "MiB of memory that hashing a password takes, a thread"},
    {"IQM_PASSWORD_PASSES", NUMBER, AT(password_passes), "2", 1, 10, "passes over that memory"},
    {"IQM_PASSWORD_THREADS", NUMBER, AT(password_threads), "0", 0, IQM_PASSWORD_THREADS_MAX,
        "threads that hash passwords; 0 takes one for every four processors"},
    {"IQM_PASSWORD_LIST", TEXT, AT(password_list), NULL, 0, 0,
        "file of further passwords to refuse, one a line"},
    {"IQM_SMTP_URL", TEXT, AT(smtp_url), NULL, 0, 0,
        "mail server, as smtp://mail.example.org:587 or smtps://mail.example.org; where unset, "
        "mail waits"},
    {"IQM_SMTP_USER", TEXT, AT(smtp_user), NULL, 0, 0,
        "whom the mail server knows us as, if it asks"},
    {"IQM_SMTP_PASSWORD", SECRET, AT(smtp_password), NULL, 0, 0, "the password for that"},
    {"IQM_SMTP_TLS", TEXT, AT(smtp_tls), NULL, 0, 0,
        "required, opportunistic (where the mail server offers it, without asking who it is) or "
        "off; where unset, required, but off to a server on this machine"},
    {"IQM_SMTP_AUTHORITIES", TEXT, AT(smtp_authorities), NULL, 0, 0,
        "file of certificates (PEM) by which the mail server's is trusted; the system's where "
        "unset"},
    {"IQM_SMTP_TIMEOUT", NUMBER, AT(smtp_timeout), "60", 1, 600,
        "seconds that handing over one mail may take"},
    {"IQM_MAIL_FROM", TEXT, AT(mail_from), NULL, 0, 0,
        "sender of mail, as Inclusion Quality Mark <mail@example.org>"},
    {"IQM_WEBHOOK_TIMEOUT", NUMBER, AT(webhook_timeout), "20", 1, 120,
        "seconds that an endpoint of webhooks has to answer"},
    {"IQM_WEBHOOK_AUTHORITIES", TEXT, AT(webhook_authorities), NULL, 0, 0,
        "file of certificates (PEM) by which endpoints of webhooks are trusted; the system's where "
        "unset"},
    {"IQM_WEBHOOK_PRIVATE_ADDRESSES", TEXT, AT(webhook_private), "no", 0, 0,
        "yes: webhooks may go to addresses that are not public, by http and to any port; for tests "
        "and development alone"},
    {"IQM_RETENTION_EVERY", NUMBER, AT(retention_every), "86400", 0, 31536000,
        "seconds between the rounds in which what has outlived its time is deleted and erased, of "
        "all instances together; 0 for none (iqmd retention)"},
    {"IQM_LOG", TEXT, AT(log), "info", 0, 0, "off, error or info (a line a request)"},
    {"IQM_CONNECTIONS", NUMBER, AT(connections), "20000", 1, 1000000, "open connections in all"},
    {"IQM_CONNECTION_MEMORY", NUMBER, AT(connection_memory), "8192", 4096, 65536,
        "bytes a connection has for request line and headers, both ways"},
    {"IQM_TARGET_MAX", NUMBER, AT(target_max), "4000", 256, 8000, "bytes of a request target"},
    {"IQM_HEADER_FIELDS", NUMBER, AT(header_fields), "64", 8, 1000, "header fields in a request"},
    {"IQM_BODY_MAX", NUMBER, AT(body_max), "1048576", 1024, 67108864, "bytes of a JSON body"},
    {"IQM_FILE_LIMIT", NUMBER, AT(file_limit), "20971520", 1024, 1073741824,
        "bytes of a file that is uploaded as evidence"},
    {"IQM_DOWNLOAD_LIMIT", NUMBER, AT(download_limit), "2147483648", 1024, 3221225472,
        "bytes of a file with the whole programme; one that would be larger fails"},
    {"IQM_JSON_DEPTH", NUMBER, AT(json_depth), "32", 4, 512, "levels of a JSON body"},
    {"IQM_REQUEST_MEMORY", NUMBER, AT(request_memory), "33554432", 1048576, 1073741824,
        "bytes of memory one request may use in all"},
    {"IQM_IDLE_TIMEOUT", NUMBER, AT(idle_timeout), "60", 1, 3600,
        "seconds a kept connection may be silent"},
    {"IQM_REQUEST_TIMEOUT", NUMBER, AT(request_timeout), "30", 1, 3600,
        "seconds a request may take, from first byte in to last byte out"},
    {"IQM_SNAPSHOT_TIMEOUT", NUMBER, AT(snapshot_timeout), "1800", 1, 86400,
        "seconds in which a list as a file, or what is held about a person, is read to its end, by "
        "whoever reads slowly: meanwhile it holds up the database's vacuum"},
    {"IQM_STALLED_WRITER", NUMBER, AT(stalled_writer), "900", 1, 86400,
        "seconds after which a database session that has written and does nothing more is ended "
        "where others wait for it, and one that is still at work in the same transaction after "
        "four "
        "times as long; an import leaves its own alone for up to 300"},
    {"IQM_DRAIN_TIMEOUT", NUMBER, AT(drain_timeout), "10", 0, 3600,
        "seconds that requests under way have when the server stops"},
    {"IQM_LISTENERS", NUMBER, AT(listeners), "10000", 0, 1000000,
        "streams of events in all, each process; a connection each"},
    {"IQM_LISTENERS_CALLER", NUMBER, AT(listeners_caller), "20", 1, 1000000,
        "streams of events of one caller, each process"},
    {"IQM_LISTENER_LIFE", NUMBER, AT(listener_life), "3600", 1, 86400,
        "seconds after which a stream of events ends at the latest; some end a quarter sooner"},
    {"IQM_HEARTBEAT", NUMBER, AT(heartbeat), "20", 1, 300,
        "seconds after which a silent stream of events gets a line, and its token is looked at "
        "again"},
    {"IQM_LIMIT_ADDRESS", NUMBER, AT(limit_address), "6000", 0, LIMIT_MAX,
        "requests a minute from an address (IPv6: a /64), each process; 0 is no limit"},
    {"IQM_LIMIT_TOKEN", NUMBER, AT(limit_token), "1200", 0, LIMIT_MAX,
        "requests a minute with a token, each process; 0 is no limit"},
    {"IQM_LIMIT_CLIENT", NUMBER, AT(limit_client), "12000", 0, LIMIT_MAX,
        "requests a minute with all tokens of a client, each process; 0 is no limit"},
    {"IQM_LIMIT_SIGN_IN", NUMBER, AT(limit_sign_in), "30", 0, LIMIT_MAX,
        "sign-ins and public forms a minute from an address, each process; 0 is no limit"},
};

static char **text_at(struct iqm_config *config, const struct setting *setting)
{
    return (char **)(void *)((char *)config + setting->offset);
}

static int64_t *number_at(struct iqm_config *config, const struct setting *setting)
{
    return (int64_t *)(void *)((char *)config + setting->offset);
}

/* The first line of a small file, new; NULL when it cannot be read or is too long. */
static char *read_setting_file(const char *path)
{
    char text[FILE_MAX];
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return NULL;
    bool found = fgets(text, sizeof text, file) != NULL;
    bool whole = found && (strchr(text, '\n') != NULL || feof(file));
    fclose(file);
    if (!whole)
        return NULL;
    text[strcspn(text, "\r\n")] = '\0';
    char *copy = strdup(text);
    sodium_memzero(text, sizeof text);
    return copy;
}

/* The configured text, new; the fallback where nothing is configured. */
static int find_text(const struct setting *setting, char **ret_text, FILE *errors)
{
    char file_name[64];
    snprintf(file_name, sizeof file_name, "%s_FILE", setting->name);
    const char *value = getenv(setting->name);
    const char *path = getenv(file_name);

    if (value == NULL && path != NULL) {
        *ret_text = read_setting_file(path);
        if (*ret_text == NULL)
            fprintf(errors, "%s: the file cannot be read, or is not one short line.\n", file_name);
        return *ret_text == NULL ? IQM_EINVAL : 0;
    }
    if (value == NULL)
        value = setting->fallback != NULL ? setting->fallback : "";
    *ret_text = strdup(value);
    return *ret_text == NULL ? IQM_ENOMEM : 0;
}

static int take_number(
    struct iqm_config *config, const struct setting *setting, const char *text, FILE *errors)
{
    char *end;

    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < setting->minimum ||
        value > setting->maximum) {
        fprintf(errors, "%s must be a whole number from %" PRId64 " to %" PRId64 ".\n",
            setting->name, setting->minimum, setting->maximum);
        return IQM_EINVAL;
    }
    *number_at(config, setting) = value;
    return 0;
}

static int load_one(struct iqm_config *config, const struct setting *setting, FILE *errors)
{
    char *text = NULL;
    int error = find_text(setting, &text, errors);

    if (error != 0)
        return error;
    if (setting->kind != NUMBER) {
        *text_at(config, setting) = text;
        return 0;
    }
    error = take_number(config, setting, text, errors);
    free(text);
    return error;
}

static int decode_key(const char *name, const char *text, uint8_t *ret_bytes, FILE *errors)
{
    size_t length = 0;

    if (*text == '\0')
        return 0;
    if (sodium_hex2bin(ret_bytes, IQM_KEY_BYTES, text, strlen(text), NULL, &length, NULL) != 0 ||
        length != IQM_KEY_BYTES || strlen(text) != 2 * length) {
        fprintf(errors, "%s must be 64 hexadecimal digits.\n", name);
        return IQM_EINVAL;
    }
    return 0;
}

static int decode_former_keys(struct iqm_config *config, FILE *errors)
{
    const char *at = config->former_signing_keys;
    size_t length = strlen(at), taken = 0;
    const size_t digits = 2 * (size_t)IQM_KEY_BYTES;
    bool is_right = length % (digits + 1) == (length > 0 ? digits : 0) &&
                    length < IQM_FORMER_KEYS_MAX * (digits + 1);

    for (size_t i = 0; is_right && i * (digits + 1) < length; i++, at += digits + 1) {
        is_right = (at[digits] == ',' || at[digits] == '\0') &&
                   sodium_hex2bin(config->former_signing_key_bytes[i], IQM_KEY_BYTES, at, digits,
                       NULL, &taken, NULL) == 0 &&
                   taken == IQM_KEY_BYTES;
        config->former_signing_key_count = i + 1;
    }
    if (!is_right)
        fprintf(errors,
            "IQM_FORMER_SIGNING_KEYS must be at most %d public keys of 64 hexadecimal digits,"
            " separated by commas.\n",
            IQM_FORMER_KEYS_MAX);
    return is_right ? 0 : IQM_EINVAL;
}

static int decode_keys(struct iqm_config *config, FILE *errors)
{
    const struct {
        const char *name, *text;
        uint8_t *bytes;
    } keys[] = {{"IQM_TOKEN_KEY", config->token_key, config->token_key_bytes},
        {"IQM_SIGNING_KEY", config->signing_key, config->signing_key_bytes},
        {"IQM_MASTER_KEY", config->master_key, config->master_key_bytes},
        {"IQM_FORMER_MASTER_KEY", config->former_master_key, config->former_master_key_bytes}};
    int error = decode_former_keys(config, errors);

    for (size_t i = 0; i < IQM_LENGTH(keys); i++) {
        if (decode_key(keys[i].name, keys[i].text, keys[i].bytes, errors) != 0)
            error = IQM_EINVAL;
    }
    return error;
}

/* An origin and perhaps a path, of letters that need no escape in a link (RFC 3986, 2.3). */
static bool is_base_url(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._~:/[]";
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;
    size_t length = strlen(text);

    return scheme > 0 && length > scheme && length <= IQM_PUBLIC_URL_MAX && text[scheme] != '/' &&
           text[length - 1] != '/' && strspn(text, allowed) == length;
}

static int check_addresses(struct iqm_config *config, FILE *errors)
{
    if (*config->public_url != '\0' && !is_base_url(config->public_url)) {
        fprintf(errors, "IQM_PUBLIC_URL must be an http or https address without a query and"
                        " without a slash at the end.\n");
        return IQM_EINVAL;
    }
    if (iqm_networks_parse(config->trusted_proxies, &config->trusted) != 0) {
        fprintf(errors,
            "IQM_TRUSTED_PROXIES must be at most %d networks such as 10.0.0.0/8 or"
            " 2001:db8::/32, separated by commas.\n",
            IQM_NETWORKS_MAX);
        return IQM_EINVAL;
    }
    return 0;
}

/* Where one setting is left empty, another says it. */
static int take_over(char **text, const char *other)
{
    if (**text != '\0')
        return 0;
    free(*text);
    *text = strdup(other);
    return *text != NULL ? 0 : IQM_ENOMEM;
}

static int derive(struct iqm_config *config, FILE *errors)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (config->workers == 0)
        config->workers = processors > 0 ? processors : 1;
    if (config->password_threads == 0)
        config->password_threads = processors > 64   ? IQM_PASSWORD_THREADS_MAX
                                   : processors >= 4 ? processors / 4
                                                     : 1;
    if (take_over(&config->owner_database_url, config->database_url) != 0 ||
        take_over(&config->owner_key_database_url, config->key_database_url) != 0)
        return IQM_ENOMEM;
    if (strcmp(config->log, "off") != 0 && strcmp(config->log, "error") != 0 &&
        strcmp(config->log, "info") != 0) {
        fprintf(errors, "IQM_LOG must be off, error or info.\n");
        return IQM_EINVAL;
    }
    if (strcmp(config->webhook_private, "no") != 0 && strcmp(config->webhook_private, "yes") != 0) {
        fprintf(errors, "IQM_WEBHOOK_PRIVATE_ADDRESSES must be yes or no.\n");
        return IQM_EINVAL;
    }
    if (check_addresses(config, errors) != 0)
        return IQM_EINVAL;
    return decode_keys(config, errors);
}

int iqm_config_load(struct iqm_config *ret_config, FILE *errors)
{
    struct iqm_config config = {0};
    int error = 0;

    for (size_t i = 0; i < IQM_LENGTH(settings); i++) {
        if (load_one(&config, &settings[i], errors) != 0)
            error = IQM_EINVAL;
    }
    if (error == 0)
        error = derive(&config, errors);
    if (error != 0) {
        iqm_config_free(&config);
        return error;
    }
    *ret_config = config;
    return 0;
}

void iqm_config_free(struct iqm_config *config)
{
    for (size_t i = 0; i < IQM_LENGTH(settings); i++) {
        if (settings[i].kind == NUMBER)
            continue;
        char **text = text_at(config, &settings[i]);
        if (*text != NULL && settings[i].kind == SECRET)
            sodium_memzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
    sodium_memzero(config->token_key_bytes, sizeof config->token_key_bytes);
    sodium_memzero(config->signing_key_bytes, sizeof config->signing_key_bytes);
    sodium_memzero(config->master_key_bytes, sizeof config->master_key_bytes);
    sodium_memzero(config->former_master_key_bytes, sizeof config->former_master_key_bytes);
}

void iqm_config_help(FILE *out)
{
    fprintf(out, "Settings, each from the environment or from the file that NAME_FILE names:\n");
    for (size_t i = 0; i < IQM_LENGTH(settings); i++) {
        const struct setting *setting = &settings[i];
        fprintf(out, "  %-24s %s", setting->name, setting->help);
        if (setting->kind == NUMBER)
            fprintf(out, " [%" PRId64 " to %" PRId64 "]", setting->minimum, setting->maximum);
        if (setting->fallback != NULL)
            fprintf(out, " (default %s)", setting->fallback);
        fputc('\n', out);
    }
}
