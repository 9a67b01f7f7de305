/* SPDX-License-Identifier: BSD-2-Clause */
/* What is printed for people, and that help, examples and manual page agree with the table of options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "command_line.h"
#include "device/absent_type.h"
#include "device/type.h"
#include "options/parser.h"

static char *read_man_page(void)
{
    FILE *file = fopen(MAN_PAGE, "r");
    char *text = calloc(1, 1 << 18);

    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 18) - 1, file) > 0);
    fclose(file);
    return text;
}

static void help_names_every_option(void **state)
{
    static char output[1 << 16];
    struct error error;

    (void)state;
    assert_int_equal(parse_printing("-help", output, sizeof output, &error), CONFIG_DONE);
    for (size_t i = 0; i < options_count; i++) {
        char line[64];

        snprintf(line, sizeof line, "\n-%s%s", options_table[i].name, options_table[i].argument ? " " : "\n");
        if (!strstr(output, line))
            fail_msg("-%s is not in -help", options_table[i].name);
    }
    for (unsigned group = 0; group < GROUP_COUNT; group++)
        assert_non_null(strstr(output, option_group_titles[group]));
}

static void help_fits_a_terminal(void **state)
{
    static char output[1 << 16];
    struct error error;

    (void)state;
    parse_printing("--help", output, sizeof output, &error);
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
        size_t length = strlen(line);

        if (length > 80 || (length && line[length - 1] == ' '))
            fail_msg("%s", line);
    }
}

/* Every example is a command line that hotram takes. */
static void examples_are_good(void **state)
{
    unsigned examples = 0;

    (void)state;
    for (size_t i = 0; i < options_count; i++) {
        for (const char *p = options_table[i].examples; p && *p; examples++) {
            size_t length = strcspn(p, "\n");
            char line[512];
            struct config config;
            struct error error;

            snprintf(line, sizeof line, "-S %.*s", (int)length, p);
            if (parse_line(&config, line, &error) != CONFIG_RUN)
                fail_msg("%s: %s", line, error.text);
            config_free(&config);
            p += length + (p[length] == '\n');
        }
    }
    assert_true(examples > 15);
}

/* "[,KEY=": the option knows each key that its form shows. Its value may be wrong; forms whose first word is
 * a kind of thing, such as a chardev's, are left to the examples. */
static void help_shows_keys_that_exist(void **state)
{
    unsigned keys = 0;

    (void)state;
    for (size_t i = 0; i < options_count; i++) {
        const struct option *option = &options_table[i];
        const char *form = option->argument ? option->argument : "";

        if ((*form != '[' && !strstr(form, "=")) || strchr(form, '\n') ||
            strchr(form, ',') < strchr(form, '='))
            continue;
        for (const char *p = form; (p = strpbrk(p, "[,")) != NULL; p++) {
            size_t length = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz-");
            char line[128];
            struct config config;
            struct error error = { 0 };

            if (length == 0 || p[1 + length] != '=')
                continue;
            snprintf(line, sizeof line, "-S -%s %.*s=@", option->name, (int)length, p + 1);
            if (parse_line(&config, line, &error) == CONFIG_RUN)
                config_free(&config);
            if (strstr(error.text, "has no property"))
                fail_msg("%s: %s", line, error.text);
            keys++;
        }
    }
    assert_true(keys > 30);
}

static void manual_names_every_option(void **state)
{
    char *page = read_man_page();

    (void)state;
    for (size_t i = 0; i < options_count; i++) {
        const struct option *option = &options_table[i];
        char line[64];
        const char *found;

        snprintf(line, sizeof line, "\n.It Fl %s", option->name);
        found = strstr(page, line);
        while (found && found[strlen(line)] != ' ' && found[strlen(line)] != '\n')
            found = strstr(found + 1, line);
        if (!found)
            fail_msg("-%s is not in the manual page", option->name);
        if (option->argument ? found[strlen(line)] != ' ' : found[strlen(line)] != '\n')
            fail_msg("-%s takes %s argument, says the table", option->name, option->argument ? "an" : "no");
    }
    free(page);
}

/* What is accepted for it asks for nothing: in help and manual as it is typed. Completion reads the help. */
static void harmless_options_are_named(void **state)
{
    static char output[1 << 16];
    char *page = read_man_page(), text[32], line[40];
    struct error error;
    size_t count = 0;

    (void)state;
    assert_int_equal(parse_printing("-help", output, sizeof output, &error), CONFIG_DONE);
    for (; option_harmless_at(count, text); count++) {
        struct config config;
        char whole[64];

        snprintf(line, sizeof line, "\n%s\n", text);
        if (!strstr(output, line) || !strstr(page, line))
            fail_msg("%s is not in help or manual", text);
        snprintf(whole, sizeof whole, "-S %s", text);
        if (parse_line(&config, whole, &error) != CONFIG_RUN)
            fail_msg("%s: %s", text, error.text);
        config_free(&config);
    }
    assert_true(count > 8);
    free(page);
}

/* Each key of -machine is in the help of it, too. */
static void help_names_the_machines_keys(void **state)
{
    static char output[1 << 16];
    struct error error;
    const char *key;
    bool is_bool;

    (void)state;
    assert_int_equal(parse_printing("-help", output, sizeof output, &error), CONFIG_DONE);
    for (size_t i = 0; (key = machine_key_at(i, &is_bool)) != NULL; i++) {
        char form[48];

        snprintf(form, sizeof form, "%s=", key);
        if (strcmp(key, "type") != 0 && !strstr(output, form))
            fail_msg("%s is not in -help", form);
    }
}

static void manual_has_no_other_options(void **state)
{
    static const char marker[] = "\n.It Fl ";
    char *page = read_man_page();

    (void)state;
    for (char *p = strstr(page, marker); p; p = strstr(p + 1, marker)) {
        char name[32] = "";

        memcpy(name, p + strlen(marker), strcspn(p + strlen(marker), " \n"));
        if (!option_find(name))
            fail_msg("-%s is in the manual page only", name);
    }
    free(page);
}

/* Keys are the part of an option that is forgotten most easily. */
static void manual_names_keys(void **state)
{
    static const char *const keys[] = {
        "size=",
        "slots=",
        "maxmem=",
        "cpus=",
        "sockets=",
        "cores=",
        "threads=",
        "maxcpus=",
        "accel=",
        "usb=",
        "dump-guest-core=",
        "acpi=",
        "kernel-irqchip=",
        "vmport=",
        "hpet=",
        "smm=",
        "i8042=",
        "sata=",
        "smbus=",
        "its=",
        "guest=",
        "debug-threads=",
        "base=",
        "clock=",
        "order=",
        "once=",
        "menu=",
        "dimm-map-strict=",
        "mem-lock=",
        "mem-merge=",
        "cpu-pm=",
        "chardev=",
        "mode=",
        "pretty=",
        "reboot=",
        "shutdown=",
        "panic=",
        "watchdog=",
        "timestamp=",
        "guest-name=",
        "path=",
        "fd=",
        "server=",
        "wait=",
        "append=",
        "signal=",
        "mux=",
        "logfile=",
        "logappend=",
    };
    char *page = read_man_page();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (!strstr(page, keys[i]))
            fail_msg("%s is not in the manual page", keys[i]);
    }
    free(page);
}

static void lists_are_printed(void **state)
{
    static const struct {
        const char *line, *words[3];
    } cases[] = {
        { "-h",
          { "usage: hotram [-kernel FILE] [options] [IMAGE]",
            "Machine and memory:", "-m 1G,slots=3,maxmem=4G" } },
        { "-version", { "hotram version " HOTRAM_VERSION "\n", "BSD-2-Clause", "" } },
        { "-machine help", { "hotram-1  ", "none  ", "(default)" } },
#if defined(__x86_64__)
        { "-machine help", { "\nq35  ", "(alias of pc-q35-hotram-1)\n", "\npc-q35-hotram-1  " } },
#else
        { "-machine help", { "\nvirt  ", "(alias of virt-hotram-1)\n", "\nvirt-hotram-1  " } },
#endif
        { "-M ?", { "hotram-1  ", "", "" } },
        { "-cpu help", { "host  ", "", "" } },
        { "-accel help", { "\nkvm\n", "", "" } },
        { "-display help", { "\nnone\n", "", "" } },
        { "-chardev help", { "  null\n", "  stdio\n", "  socket\n" } },
        { "-chardev socket,help", { "socket options:\n", "  path=<str> ", "  wait=<bool> " } },
        { "-device help", { "  isa-serial\n", "  pc-dimm\n", "" } },
        { "-device pc-dimm,help",
          { "pc-dimm options:\n  memdev=<str>           - id of the memory backend that provides its memory; required\n",
            "  slot=<int32> ", "" } },
        { "-device isa-serial,?", { "isa-serial options:\n", "  chardev=<str> ", "  index=<uint32> " } },
        { "-object help",
          { "  memory-backend-ram\n", "  memory-backend-file\n", "  memory-backend-memfd\n" } },
        { "-object memory-backend-ram,help",
          { "memory-backend-ram options:\n", "  size=<size> ", "  share=<bool> " } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char output[16384];
        struct error error;

        if (parse_printing(cases[i].line, output, sizeof output, &error) != CONFIG_DONE)
            fail_msg("%s: %s", cases[i].line, error.text);
        for (size_t j = 0; j < COUNT_OF(cases[i].words); j++) {
            if (!strstr(output, cases[i].words[j]))
                fail_msg("%s: no %s in:\n%s", cases[i].line, cases[i].words[j], output);
        }
    }
}

/* What is offered can be made: chips are the machine's. */
static void chips_are_not_offered(void **state)
{
    const struct device_type *type;
    char output[16384], line[128];
    struct error error;
    unsigned chips = 0;

    (void)state;
    assert_int_equal(parse_printing("-device help", output, sizeof output, &error), CONFIG_DONE);
    for (size_t i = 0; (type = device_type_at(i)) != NULL; i++) {
        if (type->bus)
            snprintf(line, sizeof line, "  %s (on a %s)\n", type->name, type->bus);
        else
            snprintf(line, sizeof line, "  %s\n", type->name);
        assert_int_equal(strstr(output, line) == NULL, type->build != NULL);
        assert_true((type->build == NULL) != (type->create == NULL));
        chips += type->build != NULL;
    }
    assert_true(chips > 0);
}

/* No type is said to be absent and is there, or is in two rows. */
static void absent_types_are_absent(void **state)
{
    const struct absent_type *row;
    const struct device_type *type;

    (void)state;
    for (size_t i = 0; (type = device_type_at(i)) != NULL; i++)
        if (absent_type_find(type->name))
            fail_msg("%s is in both lists", type->name);
    for (unsigned i = 0; (row = absent_type_at(i)) != NULL; i++) {
        char *names = strdup(row->names), *rest = names, *name;

        assert_non_null(names);
        while ((name = strsep(&rest, " ")))
            assert_ptr_equal(absent_type_find(name), row);
        free(names);
    }
    assert_null(absent_type_find(""));
    assert_null(absent_type_find("usb-ehci usb-hub"));
}

/* No option is said to be absent and is there, and the reasons read well. */
static void absent_options_are_absent(void **state)
{
    (void)state;
    for (size_t i = 0; i < options_count; i++) {
        if (option_absent(options_table[i].name))
            fail_msg("-%s is in both tables", options_table[i].name);
    }
    assert_string_equal(option_absent("usb"), "no USB");
    assert_null(option_absent(""));
    assert_null(option_absent(" "));
    assert_null(option_absent("us"));
    assert_null(option_absent("sb"));
    assert_null(option_absent("usb usbdevice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(help_fits_a_terminal),
        cmocka_unit_test(examples_are_good),
        cmocka_unit_test(help_shows_keys_that_exist),
        cmocka_unit_test(manual_names_every_option),
        cmocka_unit_test(harmless_options_are_named),
        cmocka_unit_test(help_names_the_machines_keys),
        cmocka_unit_test(manual_has_no_other_options),
        cmocka_unit_test(manual_names_keys),
        cmocka_unit_test(lists_are_printed),
        cmocka_unit_test(chips_are_not_offered),
        cmocka_unit_test(absent_types_are_absent),
        cmocka_unit_test(absent_options_are_absent),
    };

    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}
