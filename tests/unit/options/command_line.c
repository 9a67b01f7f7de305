/* SPDX-License-Identifier: BSD-2-Clause */
/* A shell's words for tests, and the standard output of what they ask for. */
#include "command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 1024

enum config_result parse_line(struct config *config, const char *line, struct error *error)
{
    char *words = strdup(line), *argv[WORDS_MAX + 1] = { (char *)"hotram" };
    int argc = 1;
    enum config_result result;

    error->text[0] = '\0';
    for (char *p = words; *(p += strspn(p, " ")) && argc < WORDS_MAX;) {
        char end = *p == '\'' ? '\'' : ' ';

        argv[argc++] = p += end == '\'';
        p += strcspn(p, (char[]){ end, '\0' });
        if (*p)
            *p++ = '\0';
    }
    result = config_parse(config, argc, argv, error);
    free(words);
    return result;
}

enum config_result parse_printing(const char *line, char *output, size_t size, struct error *error)
{
    FILE *file = tmpfile();
    struct config config;
    enum config_result result;
    int saved;

    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
    result = parse_line(&config, line, error);
    config_free(&config);
    fflush(stdout);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    close(saved);
    rewind(file);
    output[fread(output, 1, size - 1, file)] = '\0';
    fclose(file);
    return result;
}

void parse_good(struct config *config, const char *line)
{
    char text[1024] = "-S ";
    struct error error;

    strcat(text, line);
    if (parse_line(config, text, &error) != CONFIG_RUN)
        fail_msg("%s: %s", line, error.text);
}

void check_bad(const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[1024] = "-S ";
        struct config config;
        struct error error;
        size_t length;

        strcat(text, cases[i].line);
        if (parse_line(&config, text, &error) != CONFIG_ERROR)
            fail_msg("%s: taken", cases[i].line);
        if (!strstr(error.text, cases[i].message))
            fail_msg("%s: %s", cases[i].line, error.text);
        length = strlen(error.text);
        if (length == 0 || strchr(".\n ", error.text[length - 1]))
            fail_msg("%s: ends badly: %s", cases[i].line, error.text);
        config_free(&config);
    }
}
