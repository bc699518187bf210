/* `iqmd audit verify|checkpoint|public-key`: whether the audit log is as it was written. Changes
 * nothing. */
#include "iqm/audit.h"
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16

struct options {
    uint8_t keys[KEYS_MAX + 1 + IQM_FORMER_KEYS_MAX][IQM_AUDIT_KEY]; /* those configured behind */
    size_t key_count;
    struct iqm_checkpoint *kept; /* free() */
    size_t kept_count;
};

#define DATABASE "\n\nIQM_OWNER_DATABASE_URL names the database."

static const struct cli_verb verbs[] = {
    {"verify", "[--checkpoint FILE]… [--public-key HEX]…",
        "Says whether the audit log is as it was written, and the ledgers (consents) are what it "
        "says\n"
        "of them. Changes nothing. IQM_SIGNING_KEY and IQM_FORMER_SIGNING_KEYS are the "
        "server's.\n\n"
        "  --checkpoint FILE   checkpoints that were kept outside the database, one a line: what\n"
        "                      iqmd audit checkpoint prints, or the server's log\n"
        "  --public-key HEX    a further key to trust: one that was used before, or the only one\n"
        "                      where IQM_SIGNING_KEY is not set" DATABASE,
        CLI_OPTIONS},
    {"checkpoint", "", "Prints the newest checkpoint, to be kept somewhere else." DATABASE, 0},
    {"public-key", "", "Prints the public half of IQM_SIGNING_KEY.", 0},
};
static const struct cli_command command = {
    "audit", "Whether the audit log is as it was written.", verbs, IQM_LENGTH(verbs)};

static bool add_key(struct options *options, const char *text)
{
    size_t length = 0;

    if (options->key_count == KEYS_MAX || strlen(text) != 2 * IQM_AUDIT_KEY ||
        sodium_hex2bin(options->keys[options->key_count], IQM_AUDIT_KEY, text, strlen(text), NULL,
            &length, NULL) != 0 ||
        length != IQM_AUDIT_KEY) {
        fprintf(
            stderr, "A public key is 64 hexadecimal digits, and there are at most %d.\n", KEYS_MAX);
        return false;
    }
    options->key_count++;
    return true;
}

static bool add_checkpoint(struct options *options, const struct iqm_checkpoint *checkpoint)
{
    struct iqm_checkpoint *grown =
        reallocarray(options->kept, options->kept_count + 1, sizeof *grown);

    if (grown == NULL)
        return false;
    options->kept = grown;
    options->kept[options->kept_count++] = *checkpoint;
    return true;
}

/* Lines without a signature are the log's other lines. */
static bool read_lines(struct options *options, FILE *file, const char *path)
{
    IQM_CLEANUP(iqm_free_pointer) char *line = NULL;
    size_t room = 0, before = options->kept_count;
    ssize_t length;

    while ((length = getline(&line, &room, file)) >= 0) {
        struct iqm_checkpoint checkpoint;
        int error = iqm_checkpoint_read((struct iqm_slice){line, (size_t)length}, &checkpoint);
        if (error == IQM_EINVAL)
            fprintf(stderr, "%s holds a checkpoint that is not whole.\n", path);
        if (error == IQM_EINVAL || (error == 0 && !add_checkpoint(options, &checkpoint)))
            return false;
    }
    if (options->kept_count > before)
        return true;
    fprintf(stderr, "%s holds no checkpoint.\n", path);
    return false;
}

static bool read_file(struct options *options, const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        fprintf(stderr, "%s cannot be read: %s\n", path, strerror(errno));
        return false;
    }
    bool good = read_lines(options, file, path);
    fclose(file);
    return good;
}

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"checkpoint", required_argument, NULL, 'c'},
        {"public-key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int found;

    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (found != 'c' && found != 'k')
            return cli_wrong(&command, &verbs[0]);
        if (found == 'c' ? !read_file(options, optarg) : !add_key(options, optarg))
            return EXIT_USAGE;
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "What is this for: %s?\n", argv[optind]);
    return cli_wrong(&command, &verbs[0]);
}

static bool has_key(const struct iqm_config *config)
{
    return *config->signing_key != '\0';
}

static int ask_for_key(void)
{
    fprintf(
        stderr, "Set IQM_SIGNING_KEY or IQM_SIGNING_KEY_FILE: checkpoints are signed with it.\n");
    return EXIT_USAGE;
}

static int verify(struct options *options, const struct iqm_config *config)
{
    if (has_key(config))
        iqm_audit_public_key(config->signing_key_bytes, options->keys[options->key_count++]);
    for (size_t i = 0; i < config->former_signing_key_count; i++)
        memcpy(options->keys[options->key_count++], config->former_signing_key_bytes[i],
            IQM_AUDIT_KEY);
    if (options->key_count == 0)
        return ask_for_key();
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(config);
    if (connection == NULL)
        return EXIT_FAILURE;
    const struct iqm_audit_trust trust = {.keys = (const uint8_t(*)[IQM_AUDIT_KEY])options->keys,
        .key_count = options->key_count,
        .kept = options->kept,
        .kept_count = options->kept_count};
    return iqm_audit_verify(connection, &trust, stdout, stderr) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int cli_verify(int argc, char **argv, const struct iqm_config *config)
{
    struct options options = {0};
    int status = read_options(argc, argv, &options);

    if (status == 0)
        status = verify(&options, config);
    free(options.kept);
    return status;
}

static int print_checkpoint(const struct iqm_config *config)
{
    struct iqm_checkpoint checkpoint;
    char text[IQM_CHECKPOINT_TEXT];
    IQM_CLEANUP(cli_finish_connection) PGconn *connection = cli_connect_owner(config);

    if (connection == NULL)
        return EXIT_FAILURE;
    int error = iqm_audit_newest(connection, &checkpoint);
    if (error == IQM_ENOTFOUND)
        fprintf(stderr, "There is no checkpoint yet.\n");
    else if (error == IQM_EINVAL)
        fprintf(stderr,
            "The newest checkpoint is not of the form it should be: see what iqmd audit "
            "verify says.\n");
    else if (error != 0)
        fprintf(stderr, "The checkpoint cannot be read: %s", PQerrorMessage(connection));
    if (error != 0)
        return EXIT_FAILURE;
    iqm_checkpoint_write(&checkpoint, text);
    printf("%s\n", text);
    return EXIT_SUCCESS;
}

static int print_public_key(const struct iqm_config *config)
{
    uint8_t key[IQM_AUDIT_KEY];
    char text[2 * IQM_AUDIT_KEY + 1];

    if (!has_key(config))
        return ask_for_key();
    iqm_audit_public_key(config->signing_key_bytes, key);
    printf("%s\n", sodium_bin2hex(text, sizeof text, key, sizeof key));
    return EXIT_SUCCESS;
}

int cli_audit(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    if (verb->operands == CLI_OPTIONS)
        return cli_verify(argc - 1, argv + 1, &config);
    return strcmp(verb->name, "public-key") == 0 ? print_public_key(&config)
                                                 : print_checkpoint(&config);
}
