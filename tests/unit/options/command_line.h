/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of the command line: parse one that is written as in a shell, and catch what is printed.
 */
#ifndef TESTS_OPTIONS_COMMAND_LINE_H
#define TESTS_OPTIONS_COMMAND_LINE_H

#include "base/error.h"
#include "options/options.h"

/* Parse the words of a line: separated by spaces, 'in quotes' as they are. Free the config afterwards. */
enum config_result parse_line(struct config *config, const char *line, struct error *error);

/* The same with standard output caught in `output`, cut off at its size. */
enum config_result parse_printing(const char *line, char *output, size_t size, struct error *error);

/* Parse a line that must be good; -S stands for a kernel. */
void parse_good(struct config *config, const char *line);

/* Lines that must be refused, each with a message that says this. */
struct bad {
    const char *line;
    const char *message; /* or the part of it that matters */
};
void check_bad(const struct bad *cases, size_t count);

#endif
