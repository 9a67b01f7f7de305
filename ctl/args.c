/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of hotramctl: one table of options; a command says by letters which of them it takes. Help
 * is written from both tables, and the completion asks for it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/props.h"
#include "base/suggest.h"
#include "ctl.h"

enum kind { FLAG, TEXT, NUMBER, NUMBER32, SECONDS, GUEST };

struct option_row {
    char letter; /* also what struct ctl_command's `takes` has; in upper case: there is no short form */
    const char *name;
    const char *argument;
    enum kind kind;
    size_t offset;
    size_t given; /* of a flag that says that it was given; 0: none */
    uint64_t most;
    const char *help;
};

#define AT(member) offsetof(struct options, member)

/* Options of the rows of base/dimm_place.h, without their defaults: set, too, takes the node, and has another
 * one. */
enum { LETTER_slot = 'S', LETTER_addr = 'A', LETTER_node = 'N' };
#define MOST_PROPERTY_INT32 INT32_MAX
#define MOST_PROPERTY_UINT32 UINT32_MAX
#define MOST_PROPERTY_UINT64 UINT64_MAX
#define PLACE_OPTION(values, name, field, type, help, otherwise) \
    { \
        LETTER_##name, #name, "N", type == PROPERTY_UINT64 ? NUMBER : NUMBER32, AT(field), \
            AT(field##_given), MOST_##type, help \
    }

static const struct option_row rows[] = {
    { 's', "socket", "SOCKET", TEXT, AT(socket), 0, 0, "select the guest with this QMP socket" },
    { 'g', "guest", "NAME", GUEST, 0, 0, 0, "select the guest with this name (hotram -name)" },
    { 'j', "json", NULL, FLAG, AT(json), 0, 0, "print one JSON document on standard output" },
    { 'p', "monitor-timeout", "SECONDS", SECONDS, AT(answer_timeout), 0, 86400,
      "how long the monitor may take to answer (default 10)" },
    { 't', "timeout", "SECONDS", NUMBER, AT(timeout), AT(timeout_given), 86400 * 365,
      "how long the guest may take to respond" },
    { 'W', "no-wait", NULL, FLAG, AT(no_wait), 0, 0, "return without waiting for the guest" },
    { 'I', "id", "ID", TEXT, AT(id), 0, 0, "the new DIMM's id, or a virtio-mem device" },
    DIMM_PLACE_ROWS(PLACE_OPTION, options, place),
    { 'T', "template", "BACKEND", TEXT, AT(template), 0, 0,
      "its memory backend, such as memory-backend-memfd,share=on" },
    { 'M', "at-most", NULL, FLAG, AT(at_most), 0, 0,
      "prefer a smaller size if the exact one cannot be reached" },
    { 'D', "dry-run", NULL, FLAG, AT(dry_run), 0, 0, "only print what would be done" },
    { 'B', "background", NULL, FLAG, AT(background), 0, 0, "let the guest run while its memory is written" },
    { 'V', "svg", "FILE", TEXT, AT(svg), 0, 0, "write the picture to an SVG file; - is standard output" },
    { 'C', "ascii", NULL, FLAG, AT(ascii), 0, 0, "draw with ASCII characters" },
    { 'd', "delay", "SECONDS", SECONDS, AT(delay), 0, 86400, "time between two updates (default 1)" },
    { 'n', "iterations", "N", NUMBER, AT(iterations), AT(iterations_given), UINT32_MAX,
      "stop after this number of updates" },
    { 'h', "help", NULL, FLAG, AT(help), 0, 0, "show this help, or the options of a command" },
    { 'v', "version", NULL, FLAG, AT(version), 0, 0, "show the version" },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])
#define OF_ALL "sgjphv"

static bool takes(const struct ctl_command *command, char letter)
{
    return strchr(OF_ALL, letter) || strchr(command->takes, letter);
}

static void print_row(const struct option_row *row)
{
    bool brief = row->letter > 'Z';
    int used = printf("  %c%c%s --%s%s%s", brief ? '-' : ' ', brief ? row->letter : ' ', brief ? "," : " ",
                      row->name, row->argument ? " " : "", row->argument ? row->argument : "");

    printf("%*s%s\n", used < 27 ? 27 - used : 1, "", row->help);
}

static void print_command(const struct ctl_command *command)
{
    int used = printf("  %s %s", command->name, command->form);

    printf("%*s%s\n", used < 27 ? 27 - used : 1, "", command->help);
}

static void print_help(const struct ctl_command *only)
{
    if (only) {
        printf("usage: hotramctl [options] %s %s\n\n%s\n\n", only->name, only->form, only->help);
    } else {
        puts("hotramctl version " HOTRAM_VERSION
             ": show and change memory and CPUs of guests that run under hotram\n"
             "usage: hotramctl [-s SOCKET | -g NAME] [options] COMMAND [...]\n\ncommands:");
        for (size_t i = 0; i < command_count; i++)
            print_command(&commands[i]);
        puts("");
    }
    puts("options:");
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (only ? takes(only, rows[i].letter) : strchr(OF_ALL, rows[i].letter) != NULL)
            print_row(&rows[i]);
    if (!only)
        puts(
            "\nhotramctl COMMAND --help shows a command's own options. If exactly one guest is running it is\n"
            "selected automatically. A SIZE is 512M, 2G, 1.5G; for set, +1G and -1G are relative, and\n"
            "so are +1 and -1 for cpus.");
}

static const struct option_row *row_of_word(const char *word, const char **value)
{
    size_t length;

    *value = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (word[1] != '-' && word[1] == rows[i].letter && rows[i].letter > 'Z') {
            *value = word[2] ? word + 2 : NULL;
            return &rows[i];
        }
        length = strlen(rows[i].name);
        if (word[1] == '-' && strncmp(word + 2, rows[i].name, length) == 0 &&
            (word[2 + length] == '\0' || word[2 + length] == '=')) {
            *value = word[2 + length] ? word + 3 + length : NULL;
            return &rows[i];
        }
    }
    return NULL;
}

/* "1", "0.5": milliseconds. */
static bool read_seconds(const char *text, uint64_t most, uint64_t *milliseconds)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0.001 && seconds <= (double)most))
        return false;
    *milliseconds = (uint64_t)(seconds * 1000 + 0.5);
    return true;
}

static bool store(const struct option_row *row, const char *value, struct options *options,
                  struct error *error)
{
    void *place = (char *)options + row->offset;
    uint64_t number;

    switch (row->kind) {
    case FLAG:
        *(bool *)place = true;
        break;
    case TEXT:
        *(const char **)place = value;
        break;
    case GUEST:
        if (options->guest_count == GUESTS_MAX)
            return error_set(error, "--guest: given more than %d times", GUESTS_MAX);
        options->guests[options->guest_count++] = value;
        break;
    case NUMBER:
    case NUMBER32:
        if (!number_parse(value, &number) || number > row->most)
            return error_set(error, "--%s expects a number from 0 to %" PRIu64 "; got '%.80s'", row->name,
                             row->most, value);
        if (row->kind == NUMBER)
            *(uint64_t *)place = number;
        else
            *(uint32_t *)place = (uint32_t)number;
        break;
    case SECONDS:
        if (!read_seconds(value, row->most, place))
            return error_set(error, "--%s expects seconds, from 0.001 to %" PRIu64 "; got '%.80s'", row->name,
                             row->most, value);
        break;
    }
    if (row->given)
        *(bool *)((char *)options + row->given) = true;
    return true;
}

static bool unknown(const char *word, struct error *error)
{
    struct suggestion suggestion;

    suggestion_start(&suggestion, word + strspn(word, "-"));
    for (size_t i = 0; i < ROW_COUNT; i++)
        suggestion_offer(&suggestion, rows[i].name);
    if (suggestion.best)
        return error_set(error, "%.80s: unknown option; did you mean --%s?", word, suggestion.best);
    return error_set(error, "%.80s: unknown option; --help lists all options", word);
}

/* One option; *at is moved behind it and its value. */
static bool read_option(int argc, char *argv[], int *at, struct options *options, char *letters,
                        struct error *error)
{
    const char *word = argv[(*at)++], *value;
    const struct option_row *row = row_of_word(word, &value);

    if (!row)
        return unknown(word, error);
    if (!row->argument && value)
        return error_set(error, "%.80s: --%s does not accept a value", word, row->name);
    if (row->argument && !value) {
        if (*at >= argc)
            return error_set(error, "--%s requires a value: %s", row->name, row->argument);
        value = argv[(*at)++];
    }
    if (!strchr(letters, row->letter))
        strncat(letters, &row->letter, 1);
    return store(row, value, options, error);
}

/* Whether a word is an option and not a size below zero: set -1G. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

/* Options and words may be mixed; words are gathered at the beginning of argv. */
static bool read_all(int argc, char *argv[], struct options *options, char *letters, struct error *error)
{
    bool options_end = false;

    options->words = argv;
    for (int at = 1; at < argc;) {
        if (!options_end && strcmp(argv[at], "--") == 0) {
            options_end = true;
            at++;
        } else if (!options_end && is_option(argv[at])) {
            if (!read_option(argc, argv, &at, options, letters, error))
                return false;
        } else {
            options->words[options->word_count++] = argv[at++];
        }
    }
    return true;
}

static const struct ctl_command *find_command(const char *name, struct error *error)
{
    struct suggestion suggestion;

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        suggestion_offer(&suggestion, commands[i].name);
    }
    if (suggestion.best)
        error_set(error, "unknown command '%.80s'; did you mean %s?", name, suggestion.best);
    else
        error_set(error, "unknown command '%.80s'; --help lists all commands", name);
    return NULL;
}

static bool check(const struct ctl_command *command, const struct options *options, const char *letters,
                  struct error *error)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strchr(letters, rows[i].letter) && !takes(command, rows[i].letter))
            return error_set(error, "%s does not support --%s", command->name, rows[i].name);
    if (options->word_count < command->words_min)
        return error_set(error, "%s: missing argument %s", command->name, command->form);
    if (options->word_count > command->words_max)
        return error_set(error, "%s: unexpected argument '%.80s'", command->name,
                         options->words[command->words_max]);
    if (options->socket && options->guest_count)
        return error_set(error, "--socket and --guest both select a guest; give only one of them");
    if (options->guest_count > 1 && command->run != run_top)
        return error_set(error, "--guest was given %u times; %s accepts one guest", options->guest_count,
                         command->name);
    return true;
}

const struct ctl_command *args_read(int argc, char *argv[], struct options *options, enum status *status)
{
    const struct ctl_command *command = NULL;
    char letters[ROW_COUNT + 1] = "";
    struct error error = { 0 };
    bool good = read_all(argc, argv, options, letters, &error);

    *status = STATUS_DONE;
    if (good && options->version) {
        puts("hotramctl version " HOTRAM_VERSION);
        return NULL;
    }
    if (good && options->word_count) {
        command = find_command(options->words[0], &error);
        good = command != NULL;
        options->words++;
        options->word_count--;
    }
    if (good && options->help) {
        print_help(command);
        return NULL;
    }
    if (good && !command)
        good = error_set(&error, "missing command; hotramctl --help lists all commands");
    if (good && check(command, options, letters, &error))
        return command;
    *status = fail(options, STATUS_USAGE, "%s", error.text);
    return NULL;
}
