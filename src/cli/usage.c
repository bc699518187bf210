/* How the subcommands are used: the help of each and of each of its verbs, and what is said of
 * arguments that make no sense. Needs no settings and no database. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char *space_before(const char *text)
{
    return *text != '\0' ? " " : "";
}

static void print_line(
    FILE *out, const char *start, const struct cli_command *command, const struct cli_verb *verb)
{
    fprintf(out, "%s iqmd %s%s%s%s%s\n", start, command->name, space_before(verb->name), verb->name,
        space_before(verb->arguments), verb->arguments);
}

static void print_command(FILE *out, const struct cli_command *command)
{
    for (size_t i = 0; i < command->verb_count; i++)
        print_line(out, i == 0 ? "Usage:" : "      ", command, &command->verbs[i]);
    fprintf(out, "\n%s\n", command->help);
    if (command->verb_count > 1)
        fprintf(out, "\niqmd %s VERB --help says more.\n", command->name);
}

static void print_verb(FILE *out, const struct cli_command *command, const struct cli_verb *verb)
{
    print_line(out, "Usage:", command, verb);
    fprintf(out, "\n%s\n", verb->help);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static const struct cli_verb *find(const struct cli_command *command, const char *name)
{
    for (size_t i = 0; i < command->verb_count; i++) {
        const struct cli_verb *verb = &command->verbs[i];
        if (*verb->name == '\0' || strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

static const char *lead(const struct cli_command *command, const struct cli_verb *verb)
{
    static char text[64];

    snprintf(text, sizeof text, "iqmd %s%s%s", command->name, space_before(verb->name), verb->name);
    return text;
}

int cli_wrong(const struct cli_command *command, const struct cli_verb *verb)
{
    fprintf(stderr, "%s --help says how it is used.\n", lead(command, verb));
    return EXIT_USAGE;
}

int cli_wrong_count(const struct cli_command *command, const struct cli_verb *verb)
{
    if (verb->operands == 0)
        fprintf(stderr, "%s takes no arguments.\n", lead(command, verb));
    else
        fprintf(stderr, "%s needs one argument: %s\n", lead(command, verb), verb->arguments);
    return cli_wrong(command, verb);
}

static int check_operands(
    const struct cli_command *command, const struct cli_verb *verb, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            continue;
        fprintf(stderr, "%s: unrecognized option '%s'\n", lead(command, verb), argv[i]);
        return cli_wrong(command, verb);
    }
    return argc == verb->operands ? 0 : cli_wrong_count(command, verb);
}

static int complain_of_verb(const struct cli_command *command, const char *name)
{
    if (*name == '\0')
        fprintf(stderr, "iqmd %s needs one of its verbs.\n", command->name);
    else
        fprintf(stderr, "iqmd %s has no verb %s.\n", command->name, name);
    print_command(stderr, command);
    return EXIT_USAGE;
}

const struct cli_verb *cli_read_verb(
    const struct cli_command *command, int argc, char **argv, int *ret_status)
{
    const struct cli_verb *verb = find(command, argc > 1 ? argv[1] : "");
    bool helps = asks_for_help(argc, argv);
    static char name[64];

    *ret_status = EXIT_SUCCESS;
    if (helps && verb != NULL)
        print_verb(stdout, command, verb);
    else if (helps)
        print_command(stdout, command);
    else if (verb == NULL)
        *ret_status = complain_of_verb(command, argc > 1 ? argv[1] : "");
    if (helps || verb == NULL)
        return NULL;
    int words = *verb->name != '\0' ? 2 : 1;
    if (verb->operands != CLI_OPTIONS)
        *ret_status = check_operands(command, verb, argc - words, argv + words);
    /* What getopt starts its sentences with. */
    snprintf(name, sizeof name, "%s", lead(command, verb));
    argv[words - 1] = name;
    return *ret_status == EXIT_SUCCESS ? verb : NULL;
}
