/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer's dictionaries for what is text, written from the tables that parse it.
 *
 *   words options|qmp|hmp
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "device/type.h"
#include "hotplug/hotplug.h"
#include "memory/backend.h"
#include "monitor/command.h"
#include "monitor/session.h"
#include "options/parser.h"

/* One entry. The words of the tables need no escapes but that of a line's end. */
static void put(const char *before, const char *word, size_t length, const char *after)
{
    printf("\"%s%.*s%s\"\n", before, (int)length, word, after);
}

/* The words in the text of a form or an example: "size=1G,slots=3" has four. */
static void put_words(const char *text)
{
    while (*text) {
        size_t length = 0;

        while (isalnum((unsigned char)text[length]) || (text[length] && strchr("-_/.", text[length])))
            length++;
        if (length > 0)
            put("", text, length, text[length] == '=' ? "=" : "");
        text += length > 0 ? length : 1;
    }
}

static void put_options(void)
{
    static const char *const more[] = {
        "help",  "?",  "mon:", "stdio", "pty", "null", "none", "vc",         "\\\"",  "file:",
        "unix:", "on", "off",  "yes",   ",,",  ",",    "fd:",  "{",          "}",     "18446744073709551616",
        "-1",    "0x", "1.5",  "K",     "T",   "E",    "now",  "2020-01-01", "\\xff", "\\x0a"
    };

    for (size_t i = 0; i < options_count; i++) {
        put("-", options_table[i].name, strlen(options_table[i].name), "\\x0a");
        if (options_table[i].argument)
            put_words(options_table[i].argument);
        if (options_table[i].examples)
            put_words(options_table[i].examples);
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        put("", more[i], strlen(more[i]), "");
}

static void put_properties(const struct property *table, size_t count, bool json)
{
    for (size_t i = 0; i < count; i++)
        put(json ? "\\\"" : "", table[i].name, strlen(table[i].name), json ? "\\\": " : "=");
}

/* As much of a QMP command as is the same each time: all of it where it takes no arguments. */
static void put_qmp(const struct command *command)
{
    bool takes = command->arguments[0].name || command->family;

    printf("\"{\\\"execute\\\": \\\"%s\\\"%s\"\n", command->qmp, takes ? ", \\\"arguments\\\": {" : "}");
    for (const struct command_argument *argument = command->arguments; argument->name; argument++)
        put("\\\"", argument->name, strlen(argument->name), "\\\": ");
}

static void put_commands(bool json)
{
    const struct command *command = NULL;
    const struct object_type *object;
    const struct device_type *device;

    while ((command = command_next(command)) != NULL) {
        if (json && command->qmp)
            put_qmp(command);
        if (!json && command->hmp)
            put("", command->hmp, strlen(command->hmp), " ");
    }
    for (size_t i = 0; (object = object_type_at(i)) != NULL; i++) {
        put(json ? "\\\"" : "", object->name, strlen(object->name), json ? "\\\"" : ",");
        put_properties(object->properties, object->property_count, json);
    }
    for (size_t i = 0; (device = device_type_at(i)) != NULL; i++)
        put_properties(device->properties, device->property_count, json);
}

static void put_all(const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put("", words[i], strlen(words[i]), "");
}

static const char *const json_words[] = {
    "\\\"arguments\\\": {",
    "\\\"id\\\": ",
    "\\\"driver\\\": \\\"pc-dimm\\\"",
    "{\\\"execute\\\": \\\"qmp_capabilities\\\"}",
    "null",
    "true",
    "1e9",
    "-1",
    "\\\\u0000",
    "\\\\ud83d",
    "\\xf0\\x9f\\x98\\x80",
    "\\xc3",
    "[[",
    "]]",
    "{\\\"a\\\":",
    "}}",
    "'",
    "\\x01",
    "\\x0a",
    "\\x0d\\x0a",
};

/* Keys of a terminal, as monitor/hmp/keys.c has them. */
static const char *const keys[] = {
    "\\x1b[A",         "\\x1b[B",    "\\x1b[C",
    "\\x1b[D",         "\\x1b[H",    "\\x1b[F",
    "\\x1b[3~",        "\\x1b[1;5C", "\\x1b[1;5D",
    "\\x1bOA",         "\\x1b[",     "\\x1bb",
    "\\x1bf",          "\\x1bd",     "\\x09",
    "\\x0d",           "\\x12",      "\\x19",
    "\\x17",           "\\x15",      "\\x0b",
    "\\x7f",           "\\x14",      "\\xc3\\xa4",
    "\\xe2\\x82\\xac", "id=m0,",     "pc-dimm,memdev=m0",
};

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "options") == 0) {
        put_options();
    } else if (strcmp(what, "qmp") == 0) {
        put_commands(true);
        put_all(json_words, sizeof json_words / sizeof json_words[0]);
    } else if (strcmp(what, "hmp") == 0) {
        put_commands(false);
        put_all(keys, sizeof keys / sizeof keys[0]);
    } else {
        fputs("usage: words options|qmp|hmp\n", stderr);
        return 2;
    }
    return 0;
}
