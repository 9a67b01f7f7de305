/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -help, -version and the lists that "help" as a value gives: all written from the tables that parse.
 */
#include <stdio.h>
#include <string.h>

#include "options/parser.h"

#define WIDTH 80
#define INDENT 8

const char *const option_group_titles[GROUP_COUNT] = {
    [GROUP_MACHINE] = "Machine and memory",
    [GROUP_KERNEL] = "Linux kernel, firmware",
    [GROUP_CONSOLE] = "Serial port, monitors, character devices",
    [GROUP_RUN] = "Running",
    [GROUP_HELP] = "Help",
};

/* One more word on the line that is `*column` long; on a new line when it does not fit. */
static void print_word(const char *word, size_t length, size_t *column)
{
    if (*column > INDENT && *column + 1 + length > WIDTH) {
        putchar('\n');
        *column = 0;
    }
    if (*column == 0)
        *column = (size_t)printf("%*s", INDENT, "");
    else if (*column > INDENT)
        *column += (size_t)printf(" ");
    *column += (size_t)printf("%.*s", (int)length, word);
}

/* Words of a text, each of its lines beginning a new one. */
static void print_wrapped(const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t length = strcspn(text, " \n");

        print_word(text, length, &column);
        text += length;
        if (*text == '\n')
            column = column ? (putchar('\n'), 0) : 0;
        if (*text)
            text++;
    }
    putchar('\n');
}

/* "-chardev null,id=ID[...]" for each form; broken before a '[' or ',' where it is too long. */
static void print_form(const char *name, const char *form, size_t length)
{
    size_t column = (size_t)printf("-%s%s", name, length ? " " : "");

    while (length) {
        size_t part = 1 + strcspn(form + 1, "[");

        if (part > length)
            part = length;
        if (column > INDENT && column + part > WIDTH)
            column = (size_t)printf("\n%*s", INDENT, "") - 1;
        column += (size_t)printf("%.*s", (int)part, form);
        form += part;
        length -= part;
    }
    putchar('\n');
}

static void print_forms(const struct option *option)
{
    const char *form = option->argument ? option->argument : "";

    do {
        size_t length = strcspn(form, "\n");

        print_form(option->name, form, length);
        form += length + (form[length] == '\n');
    } while (*form);
}

/* One example; a long one is continued before an option, as a shell takes it. */
static void print_example(const char *example, size_t length)
{
    size_t column = (size_t)printf("%*sExample: ", INDENT, ""), indent = column;

    while (length) {
        const char *next = memmem(example, length, " -", 2);
        size_t part = next ? (size_t)(next - example) : length;

        if (column > indent && column + 1 + part + sizeof " \\" - 1 > WIDTH)
            column = (size_t)printf(" \\\n%*s", (int)indent, "") - sizeof " \\";
        else if (column > indent)
            column += (size_t)printf(" ");
        column += (size_t)printf("%.*s", (int)part, example);
        part += next != NULL;
        example += part;
        length -= part;
    }
    putchar('\n');
}

static void print_examples(const char *example)
{
    while (example && *example) {
        size_t length = strcspn(example, "\n");

        print_example(example, length);
        example += length + (example[length] == '\n');
    }
}

static void print_harmless(void)
{
    const char *text;
    char line[32];

    puts("\nQEMU options that request nothing and are accepted (other arguments are errors):");
    for (size_t i = 0; (text = option_harmless_at(i, line)) != NULL; i++)
        puts(text);
}

bool option_help(struct parser *parser, const char *argument, struct error *error)
{
    (void)argument;
    (void)error;
    printf("hotram version " HOTRAM_VERSION ": a KVM virtual machine monitor with hot-pluggable memory\n"
           "usage: hotram [-kernel FILE] [options] [IMAGE]\n");
    for (unsigned group = 0; group < GROUP_COUNT; group++) {
        printf("\n%s:\n", option_group_titles[group]);
        for (size_t i = 0; i < options_count; i++) {
            if (options_table[i].group != group)
                continue;
            print_forms(&options_table[i]);
            print_wrapped(options_table[i].help);
            print_examples(options_table[i].examples);
        }
    }
    print_harmless();
    puts("\nOptions are spelled as in QEMU; --option works too. A machine with three DIMM\n"
         "slots, and 1 GiB plugged into it from the monitor (Ctrl-A c):\n"
         "  hotram -m 1G,slots=3,maxmem=4G -kernel vmlinuz -append console=ttyS0\n"
         "  (hotram) object_add memory-backend-ram,id=mem1,size=1G\n"
         "  (hotram) device_add pc-dimm,id=dimm1,memdev=mem1");
    return parser->done = true;
}

bool option_version(struct parser *parser, const char *argument, struct error *error)
{
    (void)argument;
    (void)error;
    puts("hotram version " HOTRAM_VERSION "\n"
         "A small KVM virtual machine monitor with hot-pluggable memory; BSD-2-Clause licence");
    return parser->done = true;
}

void help_names(const char *title, const char *const *names, size_t count)
{
    puts(title);
    for (size_t i = 0; i < count; i++)
        printf("  %s\n", names[i]);
}

void help_properties(const char *type, const struct property *table, size_t count)
{
    printf("%s options:\n", type);
    for (size_t i = 0; i < count; i++) {
        int used = printf("  %s=<%s>", table[i].name, property_type_name(table[i].type));

        printf("%*s - %s\n", used < 24 ? 24 - used : 0, "", table[i].help ? table[i].help : "");
    }
}
