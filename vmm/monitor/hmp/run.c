/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running one line of HMP: find the command, read its arguments, run it, show what it gives.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "base/suggest.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/pending.h"
#include "monitor/session.h"

static const char *skip_spaces(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* Copy the next word, which may be in double quotes with \n, \r, \\, \' and \" in it. NULL at the end of the
 * line or (then *problem is set) when missing closing quote, or memory is short. To be freed. */
static char *take_word(const char **line, const char **problem)
{
    const char *at = skip_spaces(*line);
    bool quoted = *at == '"';
    char *word = malloc(strlen(at) + 1);
    size_t length = 0;

    if (!word) {
        *problem = "out of memory";
        return NULL;
    }
    at += quoted;
    while (*at && (quoted ? *at != '"' : !isspace((unsigned char)*at))) {
        if (quoted && *at == '\\' && at[1]) {
            at++;
            word[length++] = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at;
            at++;
        } else {
            word[length++] = *at++;
        }
    }
    if (quoted && *at != '"')
        *problem = "missing closing quote";
    *line = at + (quoted && *at == '"');
    if (*problem || (length == 0 && !quoted)) {
        free(word);
        return NULL;
    }
    word[length] = '\0';
    return word;
}

/* The text without the spaces around it; NULL as above. To be freed. */
static char *take_rest(const char **line, const char **problem)
{
    const char *start = skip_spaces(*line);
    size_t length = strlen(start);
    char *rest;

    *line = start + length;
    while (length > 0 && isspace((unsigned char)start[length - 1]))
        length--;
    rest = length > 0 ? strndup(start, length) : NULL;
    if (length > 0 && !rest)
        *problem = "out of memory";
    return rest;
}

/* "memory": the commands of two words that begin so. */
static bool show_family(struct text *out, const char *name)
{
    const struct command *command = NULL;
    size_t length = strlen(name);
    bool any = false;

    while ((command = command_next(command)) != NULL) {
        if (!command->hmp || strncmp(command->hmp, name, length) != 0 || command->hmp[length] != ' ')
            continue;
        text_printf(out, "%s%s", any ? ", " : "there are: ", command->hmp);
        any = true;
    }
    if (any)
        text_string(out, "\n");
    return any;
}

/* The length of "info " in "info statsu", which begins commands: what is compared then is the other word
 * alone, or what both have in common would make any two of them alike. 0: of one word. */
static size_t first_word_of_two(const char *name)
{
    const char *space = strchr(name, ' ');
    const size_t length = space ? (size_t)(space - name) + 1 : 0;
    const struct command *command = NULL;

    while (length > 0 && (command = command_next(command)) != NULL)
        if (command->hmp && strncmp(command->hmp, name, length) == 0)
            return length;
    return 0;
}

void hmp_unknown(struct text *out, const char *name)
{
    const size_t first = first_word_of_two(name);
    struct suggestion suggestion;
    const struct command *command = NULL;
    char line[160];

    suggestion_start(&suggestion, name + first);
    while ((command = command_next(command)) != NULL)
        if (command->hmp && strncmp(command->hmp, name, first) == 0)
            suggestion_offer(&suggestion, command->hmp + first);
    words_format(line, sizeof line, "unknown command: '%.80s'\n", name);
    text_string(out, line);
    if (show_family(out, name))
        return;
    if (suggestion.best)
        text_printf(out, "did you mean '%.*s%s'?\n", (int)first, name, suggestion.best);
    else if (first > 0)
        text_printf(out, "help %.*s lists those that there are\n", (int)first - 1, name);
}

static struct json_object *complain(struct text *out, const struct command *command, const char *what)
{
    text_printf(out, "%s%s%s: %s\nTry \"help %s\" for more information\n", command->hmp,
                command->alias ? "|" : "", command->alias ? command->alias : "", what, command->hmp);
    return NULL;
}

/* "object_add help", "memory plug help" */
static bool show_help(const struct command *command, const char *text, struct text *out)
{
    char title[64];

    if (command->family)
        return type_help(command->family, text, out);
    if (strcmp(text, "help") != 0 && strcmp(text, "?") != 0)
        return false;
    snprintf(title, sizeof title, "%s options:", command->hmp);
    properties_help(title, command->properties, command->property_count, out);
    return true;
}

/* The properties of an object or a command, as one word. */
static struct json_object *read_properties(const struct command *command, const char *line, struct text *out,
                                           struct monitor_context *context)
{
    const char *problem = NULL;
    bool quoted = *skip_spaces(line) == '"';
    char *text = quoted ? take_word(&line, &problem) : take_rest(&line, &problem);
    struct error error = { 0 };
    struct json_object *args;

    if (!text)
        return complain(out, command, problem ? problem : "string expected");
    if (show_help(command, text, out)) {
        free(text);
        return NULL;
    }
    args = props_parse(text, command->family ? command->family->key : command->properties[0].name,
                       &context->keyval, &error);
    free(text);
    if (!args)
        text_printf(out, "Error: %s\n", error.text);
    return args;
}

/* Whether the command's flag is the next word, which is then passed over. */
static bool take_flag(const struct command *command, const char **line)
{
    const char *start = skip_spaces(*line);
    const size_t length = command->flag ? strlen(command->flag) : 0;

    if (length == 0 || strncmp(start, command->flag, length) != 0 ||
        (start[length] && !isspace((unsigned char)start[length])))
        return false;
    *line = start + length;
    return true;
}

/* A command's arguments from the rest of its line, or NULL when that has been answered. */
static struct json_object *read_arguments(const struct command *command, const char *line, struct text *out,
                                          struct monitor_context *context)
{
    const struct command_argument *argument = command->arguments;
    const char *problem = NULL;
    struct json_object *args;
    char *word;

    context->keyval = true;
    if (command->family || command->properties)
        return read_properties(command, line, out, context);
    args = json_new_object();
    if (take_flag(command, &line))
        add_bool(args, command->flag_argument, true);
    for (; argument->name && !problem; argument++) {
        word = command->whole_line && *skip_spaces(line) != '"' ? take_rest(&line, &problem)
                                                                : take_word(&line, &problem);
        if (word)
            add_string(args, argument->name, word);
        else if (!argument->optional && !problem)
            problem = "string expected";
        free(word);
    }
    if (!problem && *skip_spaces(line))
        problem = "extraneous characters at the end of line";
    if (!problem && json_failed(args))
        problem = "out of memory";
    if (!problem)
        return args;
    json_object_put(args);
    return complain(out, command, problem);
}

/* The command at the start of a line: one word, or two for "info status". NULL: answered already. */
static const struct command *take_command(const char **line, struct text *out)
{
    const char *problem = NULL;
    const struct command *command;
    char *word = take_word(line, &problem);
    const char *rest = *line;
    char name[96];
    char *second;

    if (!word) {
        if (problem)
            text_printf(out, "%s\n", problem);
        return NULL;
    }
    second = command_is_prefix(word) ? take_word(&rest, &problem) : NULL;
    if (problem) {
        text_printf(out, "%s\n", problem);
        free(word);
        return NULL;
    }
    if (second)
        *line = rest;
    snprintf(name, sizeof name, "%s%s%s", word, second ? " " : "", second ? second : "");
    command = command_by_hmp_name(name);
    if (!command)
        hmp_unknown(out, name);
    free(word);
    free(second);
    return command;
}

void hmp_show(struct text *out, const struct command *command, struct json_object *result,
              const struct error *error)
{
    if (error)
        text_printf(out, "Error: %s\n", error->text);
    else if (command->print && json_failed(result))
        text_string(out, "Error: " HMP_NO_ANSWER "\n");
    else if (command->print)
        command->print(out, result);
}

struct pending *hmp_run(struct monitors *monitors, const char *line, struct text *out)
{
    struct monitor_context context = { .monitors = monitors, .machine = monitors->machine };
    struct json_object *result = NULL;
    struct json_object *args;
    struct error error = { 0 };
    const struct command *command = take_command(&line, out);
    bool done;

    if (!command)
        return NULL;
    args = read_arguments(command, line, out, &context);
    if (!args)
        return NULL;
    done = command_run(command, &context, args, &result, &error);
    if (!context.pending)
        hmp_show(out, command, result, done ? NULL : &error);
    json_object_put(result);
    json_object_put(args);
    return context.pending;
}
