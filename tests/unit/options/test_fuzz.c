/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many command lines that nobody would type: none may crash, leak or fail without words. The seed is fixed,
 * so that a failure comes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options/parser.h"

#define ROUNDS 20000
#define WORDS_MAX 8
#define WORD_SIZE 160

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

/* xorshift64 */
static size_t random_below(size_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)((seed >> 11) % limit);
}

static const char *const pieces[] = {
    "a",         "b",
    "=",         ",",
    ",,",        "id=a",
    "size=1G",   "1G",
    "-1",        "18446744073709551616",
    "0x",        "0x1F",
    "1.5",       "slots=",
    "maxmem",    "=4G",
    "on",        "off",
    "help",      "?",
    "stdio",     "pty",
    "null",      "file:",
    "unix:",     "mon:",
    "chardev:",  "socket",
    "path=/",    "fd=3",
    "server",    "nowait",
    "mux=on",    "kvm",
    "tcg",       ":",
    "host",      "hotram-1",
    "none",      "memory-backend-ram",
    "pc-dimm",   "isa-serial",
    "{",         "}",
    "\"",        "\"driver\":",
    "\"id\":",   "[[[[[[[[",
    "\\u0000",   "\xff\xfe",
    "serial0",   "compat_monitor0",
    "secret",    "base=2020-01-01",
    "T10:00:00", "8b5ec5a0-2c3f-4ad2-9a55-0c5c5d6e7f80",
    "%s%n",      " ",
    "\n",        "mode=control",
    "pretty",    "cpus=4",
    "cores=2",   "signal=off",
    "index=0",   "order=c",
};

static void append_piece(char *word)
{
    const char *piece = pieces[random_below(COUNT(pieces))];

    if (strlen(word) + strlen(piece) < WORD_SIZE)
        strcat(word, piece);
}

static void make_argument(char *word)
{
    word[0] = '\0';
    for (size_t count = random_below(7); count > 0; count--)
        append_piece(word);
    if (random_below(8) == 0 && *word)
        word[random_below(strlen(word))] = (char)(1 + random_below(255));
}

static void make_option(char *word)
{
    const char *name = options_table[random_below(options_count)].name;

    /* -help prints 10 KiB and teaches nothing. */
    snprintf(word, WORD_SIZE, "-%s%s", random_below(4) ? "" : "-", strcmp(name, "help") == 0 ? "S" : name);
    if (random_below(32) == 0)
        word[random_below(strlen(word))] = (char)(1 + random_below(255));
}

static void parse_once(int argc, char **argv)
{
    struct config config;
    struct error error = { 0 };

    switch (config_parse(&config, argc, argv, &error)) {
    case CONFIG_ERROR:
        assert_true(error.text[0] != '\0');
        break;
    case CONFIG_RUN:
        assert_true(config.ram_size > 0 && config.maxmem >= config.ram_size);
        assert_int_equal(config.cpus, config.sockets * config.cores * config.threads);
        assert_true(config.slots == 0 ? config.maxmem == config.ram_size : config.maxmem > config.ram_size);
        break;
    default:
        break;
    }
    config_free(&config);
    config_free(&config); /* twice does no harm */
}

static int silence(void)
{
    int saved, null = open("/dev/null", O_WRONLY);

    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    dup2(null, STDOUT_FILENO);
    close(null);
    return saved;
}

static void unsilence(int saved)
{
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static void random_options(void **state)
{
    static char words[WORDS_MAX][WORD_SIZE];
    int saved = silence();

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char *argv[WORDS_MAX + 2] = { (char *)"hotram", (char *)"-S" };
        int argc = 2, count = (int)random_below(WORDS_MAX + 1);

        for (int i = 0; i < count; i++) {
            if (i % 2)
                make_argument(words[i]);
            else
                make_option(words[i]);
            argv[argc++] = words[i];
        }
        parse_once(argc, argv);
    }
    unsilence(saved);
}

/* One option at a time gets further than a line of which the first word is wrong already. */
static void random_arguments(void **state)
{
    char word[WORD_SIZE];
    int saved = silence();

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct option *option = &options_table[round % options_count];
        char name[32];

        if (!option->argument)
            continue;
        snprintf(name, sizeof name, "-%s", option->name);
        make_argument(word);
        parse_once(4, (char *[]){ (char *)"hotram", (char *)"-S", name, word, NULL });
    }
    unsilence(saved);
}

static void random_bytes(void **state)
{
    char word[WORD_SIZE];
    int saved = silence();

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t length = random_below(sizeof word);
        struct error error;
        struct json_object *object;
        uint64_t bytes;
        bool keyval;

        for (size_t i = 0; i < length; i++)
            word[i] = (char)(1 + random_below(255));
        word[length] = '\0';
        parse_once(2, (char *[]){ (char *)"hotram", word, NULL });
        (void)size_parse(word, 1, &bytes, &error);
        word[0] = round % 2 ? '{' : word[0];
        object = props_parse(word, "type", &keyval, &error);
        json_object_put(object);
    }
    unsilence(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_options),
        cmocka_unit_test(random_arguments),
        cmocka_unit_test(random_bytes),
    };

    return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
