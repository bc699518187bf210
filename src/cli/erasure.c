/* `iqmd erasure verify`: whether a certificate is one of this service. Asks no database. */
#include "cli.h"
#include "iqm/jws.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_MAX ((size_t)1024 * 1024)

struct options {
    uint8_t key[IQM_KEY_BYTES];
    bool has_key;
    const char *path; /* NULL: standard input */
};

static const struct cli_verb verbs[] = {{"verify", "[--public-key HEX] [FILE]",
    "Says whether FILE, or standard input, holds a certificate that was signed with\n"
    "IQM_SIGNING_KEY, and prints what it certifies. The certificate is what\n"
    "GET /v1/erasures/{erasure_id}/certificate answers with.\n\n"
    "  --public-key HEX   the key to trust instead: what iqmd audit public-key prints",
    CLI_OPTIONS}};
static const struct cli_command command = {
    "erasure", "Certificates of erasures.", verbs, IQM_LENGTH(verbs)};

static bool take_key(struct options *options, const char *text)
{
    size_t length = 0;

    options->has_key =
        strlen(text) == 2 * (size_t)IQM_KEY_BYTES &&
        sodium_hex2bin(options->key, IQM_KEY_BYTES, text, strlen(text), NULL, &length, NULL) == 0 &&
        length == IQM_KEY_BYTES;
    if (!options->has_key)
        fprintf(stderr, "A public key is 64 hexadecimal digits.\n");
    return options->has_key;
}

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"public-key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int found;

    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (found != 'k' || !take_key(options, optarg))
            return cli_wrong(&command, &verbs[0]);
    }
    if (optind + 1 < argc)
        return cli_wrong_count(&command, &verbs[0]);
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
    if (iqm_jws_verify(arena, options->key, certificate, &payload) != 0) {
        fprintf(stderr, "This is no certificate that was signed with this key.\n");
        return EXIT_FAILURE;
    }
    printf("%.*s\n", (int)payload.len, payload.ptr);
    return EXIT_SUCCESS;
}

int cli_erasure(int argc, char **argv)
{
    IQM_CLEANUP(iqm_config_free) struct iqm_config config = {0};
    struct options options = {0};
    int status;
    const struct cli_verb *verb = cli_read_verb(&command, argc, argv, &status);

    if (verb == NULL)
        return status;
    if (read_options(argc - 1, argv + 1, &options) != 0 || iqm_config_load(&config, stderr) != 0)
        return EXIT_USAGE;
    if (!options.has_key && *config.signing_key == '\0') {
        fprintf(stderr, "Set IQM_SIGNING_KEY, or say --public-key: whose certificate is it?\n");
        return EXIT_USAGE;
    }
    if (!options.has_key)
        iqm_jws_public_key(config.signing_key_bytes, options.key);
    return verify(&options);
}
