/* `iqmd erasure verify|ledger`: whether a certificate is one of this service, which asks no
 * database, and whether all that were erased are certified. */
#include "erasure.h"

#include "cli.h"
#include "iqm/jws.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_MAX ((size_t)1024 * 1024)

struct options {
    struct erasure_keys keys;
    const char *path; /* NULL: standard input */
};

#define VERIFY 0
static const struct cli_verb verbs[] = {
    {"verify", "[--public-key HEX]… [FILE]",
        "Says whether FILE, or standard input, holds a certificate that was signed with\n"
        "IQM_SIGNING_KEY, or with one of IQM_FORMER_SIGNING_KEYS, and prints what it certifies.\n"
        "The certificate is what GET /v1/erasures/{erasure_id}/certificate answers with.\n\n"
        "  --public-key HEX   a key to trust instead: what iqmd audit public-key prints",
        CLI_OPTIONS},
    {"ledger", "[--public-key HEX]…",
        "Says whether each erasure of the ledger is what its certificate and the key database's\n"
        "log say of it, and none is missing in either. Changes nothing; iqmd audit verify holds\n"
        "the ledger against the audit log. IQM_OWNER_DATABASE_URL and\n"
        "IQM_OWNER_KEY_DATABASE_URL name the databases.\n\n"
        "  --public-key HEX   a key to trust instead of that of IQM_SIGNING_KEY and those of\n"
        "                     IQM_FORMER_SIGNING_KEYS",
        CLI_OPTIONS},
};
static const struct cli_command command = {
    "erasure", "Certificates of erasures.", verbs, IQM_LENGTH(verbs)};

static bool take_key(struct erasure_keys *keys, const char *text)
{
    size_t length = 0;

    if (keys->count == ERASURE_KEYS_MAX || strlen(text) != 2 * (size_t)IQM_KEY_BYTES ||
        sodium_hex2bin(
            keys->keys[keys->count], IQM_KEY_BYTES, text, strlen(text), NULL, &length, NULL) != 0 ||
        length != IQM_KEY_BYTES) {
        fprintf(stderr, "A public key is 64 hexadecimal digits, and there are at most %d.\n",
            ERASURE_KEYS_MAX);
        return false;
    }
    keys->count++;
    return true;
}

static int read_options(const struct cli_verb *verb, int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"public-key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int found;

    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (found != 'k' || !take_key(&options->keys, optarg))
            return cli_wrong(&command, verb);
    }
    if (optind + (verb == &verbs[VERIFY] ? 1 : 0) < argc)
        return cli_wrong_count(&command, verb);
    options->path = argv[optind];
    return 0;
}

/* The whole of the file, in the arena, without space around it; false after saying why not. */
static bool read_certificate(
    struct iqm_arena *arena, const char *path, struct iqm_slice *ret_certificate)
{
    FILE *file = path != NULL ? fopen(path, "re") : stdin;
    char *text = iqm_arena_bytes(arena, CERTIFICATE_MAX);
    size_t length = file != NULL && text != NULL ? fread(text, 1, CERTIFICATE_MAX, file) : 0;

    if (file != NULL && file != stdin)
        fclose(file);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    if (length == 0 || length == CERTIFICATE_MAX) {
        fprintf(stderr, "%s holds no certificate.\n", path != NULL ? path : "Standard input");
        return false;
    }
    *ret_certificate = (struct iqm_slice){text, length};
    return true;
}

static int verify(const struct options *options)
{
    IQM_CLEANUP(iqm_arena_freep) struct iqm_arena *arena = iqm_arena_new(4 * CERTIFICATE_MAX);
    struct iqm_slice certificate, payload;

    if (arena == NULL || !read_certificate(arena, options->path, &certificate))
        return EXIT_FAILURE;
    for (size_t i = 0; i < options->keys.count; i++) {
        if (iqm_jws_verify(arena, options->keys.keys[i], certificate, &payload) == 0) {
            printf("%.*s\n", (int)payload.len, payload.ptr);
            return EXIT_SUCCESS;
        }
    }
    fprintf(stderr, "This is no certificate that was signed with a key to trust.\n");
    return EXIT_FAILURE;
}

static void trust_configured(const struct iqm_config *config, struct erasure_keys *keys)
{
    iqm_jws_public_key(config->signing_key_bytes, keys->keys[0]);
    memcpy(keys->keys[1], config->former_signing_key_bytes,
        config->former_signing_key_count * sizeof *keys->keys);
    keys->count = 1 + config->former_signing_key_count;
}

int cli_erasure(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    struct options options = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (read_options(verb, argc - 1, argv + 1, &options) != 0 ||
        iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    if (options.keys.count == 0 && *config.signing_key == '\0') {
        fprintf(stderr, "Set IQM_SIGNING_KEY, or say --public-key: whose certificate is it?\n");
        return EXIT_USAGE;
    }
    if (options.keys.count == 0)
        trust_configured(&config, &options.keys);
    return verb == &verbs[VERIFY] ? verify(&options) : erasure_check_ledger(&config, &options.keys);
}
