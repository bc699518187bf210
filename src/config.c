/* Configuration: one table of settings, read by one loop. */
#include "iqm/config.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096

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
        "the same database as its owner: migrate, check, token; IQM_DATABASE_URL where unset"},
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
    {"IQM_CORS_ORIGINS", TEXT, AT(cors_origins), NULL, 0, 0,
        "origins whose pages may call, separated by commas"},
    {"IQM_SPOOL_DIR", TEXT, AT(spool_dir), "var/spool", 0, 0,
        "directory where uploads wait to be imported"},
    {"IQM_LOG", TEXT, AT(log), "info", 0, 0, "off, error or info (a line a request)"},
    {"IQM_CONNECTIONS", NUMBER, AT(connections), "20000", 1, 1000000, "open connections in all"},
    {"IQM_CONNECTION_MEMORY", NUMBER, AT(connection_memory), "8192", 4096, 65536,
        "bytes a connection has for request line and headers, both ways"},
    {"IQM_TARGET_MAX", NUMBER, AT(target_max), "4000", 256, 8000, "bytes of a request target"},
    {"IQM_HEADER_FIELDS", NUMBER, AT(header_fields), "64", 8, 1000, "header fields in a request"},
    {"IQM_BODY_MAX", NUMBER, AT(body_max), "1048576", 1024, 67108864, "bytes of a JSON body"},
    {"IQM_JSON_DEPTH", NUMBER, AT(json_depth), "32", 4, 512, "levels of a JSON body"},
    {"IQM_REQUEST_MEMORY", NUMBER, AT(request_memory), "33554432", 1048576, 1073741824,
        "bytes of memory one request may use in all"},
    {"IQM_IDLE_TIMEOUT", NUMBER, AT(idle_timeout), "60", 1, 3600,
        "seconds a kept connection may be silent"},
    {"IQM_REQUEST_TIMEOUT", NUMBER, AT(request_timeout), "30", 1, 3600,
        "seconds a request may take, from first byte in to last byte out"},
    {"IQM_DRAIN_TIMEOUT", NUMBER, AT(drain_timeout), "10", 0, 3600,
        "seconds that requests under way have when the server stops"},
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

static int decode_token_key(struct iqm_config *config, FILE *errors)
{
    size_t length = 0;
    const char *text = config->token_key;

    if (*text == '\0')
        return 0;
    if (sodium_hex2bin(config->token_key_bytes, sizeof config->token_key_bytes, text, strlen(text),
            NULL, &length, NULL) != 0 ||
        length != sizeof config->token_key_bytes || strlen(text) != 2 * length) {
        fprintf(errors, "IQM_TOKEN_KEY must be 64 hexadecimal digits.\n");
        return IQM_EINVAL;
    }
    return 0;
}

static int derive(struct iqm_config *config, FILE *errors)
{
    if (config->workers == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        config->workers = processors > 0 ? processors : 1;
    }
    if (*config->owner_database_url == '\0') {
        free(config->owner_database_url);
        config->owner_database_url = strdup(config->database_url);
        if (config->owner_database_url == NULL)
            return IQM_ENOMEM;
    }
    if (strcmp(config->log, "off") != 0 && strcmp(config->log, "error") != 0 &&
        strcmp(config->log, "info") != 0) {
        fprintf(errors, "IQM_LOG must be off, error or info.\n");
        return IQM_EINVAL;
    }
    return decode_token_key(config, errors);
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
